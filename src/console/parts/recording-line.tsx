import { useState } from 'preact/hooks'
import type { Recording } from '../../client/routes.js'
import { useAction } from '../state/action.ts'
import { mayAct, zoneOf } from '../state/homes.ts'
import { deviceName } from '../state/names.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'
import { Read } from './panel.tsx'
import { Problem } from './problem.tsx'
import { Sound } from './sound.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

/** A recording in a line, and its sound for whoever opens it. */
export function RecordingLine({ recording }: { recording: Recording }) {
  const { id, device_id, home_id, recorded_at, status, result, error } = recording
  const [isOpen, setOpen] = useState(false)
  return (
    <li class="panel">
      <p class="step-head">
        <strong>
          <a href={`/devices/${device_id}`}>{deviceName(device_id)}</a>
        </strong>
        <span class={status === 'failed' ? 'gave-up' : ''}>{labelOf(status)}</span>
        {result && <span>{valueText(result.seconds)} s</span>}
        <Time at={recorded_at} zone={zoneOf(home_id)} />
      </p>
      {error && <p>{error.message}</p>}
      {result && <Heard result={result} />}
      {status === 'failed' && mayAct(home_id) && <Retry id={id} />}
      {status !== 'waiting' && (
        <details onToggle={event => setOpen(event.currentTarget.open)}>
          <summary>Sound and measures</summary>
          {isOpen && <Opened recording={recording} />}
        </details>
      )}
    </li>
  )
}

type Result = NonNullable<Recording['result']>
/** A part of one, as people read it. */
const percent = new Intl.NumberFormat(navigator.languages, { style: 'percent', maximumFractionDigits: 0 })

function Heard({ result: { detections } }: { result: Result }) {
  const heard = detections.filter(({ detected }) => detected)
  if (heard.length === 0) return <p class="muted">Nothing was heard that is listened for.</p>
  return <p>Heard: {heard.map(({ key, score }) => `${labelOf(key)} (${percent.format(score)})`).join(', ')}</p>
}

function Retry({ id }: { id: string }) {
  const { busy, fault, run } = useAction()
  const [isAsked, setAsked] = useState(false)
  const retry = async () => {
    if (await run(() => session.call('POST /ingest/{id}/retry', { params: { id } }))) setAsked(true)
  }
  return (
    <>
      <button type="button" disabled={busy || isAsked} onClick={() => void retry()}>
        {isAsked ? 'It is listened to again' : 'Listen to it again'}
      </button>
      <Problem fault={fault} />
    </>
  )
}

function Opened({ recording: { id, result, deleted_at, home_id } }: { recording: Recording }) {
  const { value, again } = useRead(id, () => session.call('GET /ingest/{id}', { params: { id } }))
  return (
    <>
      {deleted_at !== null && (
        <Empty>
          Its sound was deleted, <Time at={deleted_at} zone={zoneOf(home_id)} />.
        </Empty>
      )}
      <Read value={value} again={again}>
        {({ download }) => download && <Sound id={id} url={download.url} />}
      </Read>
      {result && <Measures result={result} />}
    </>
  )
}

function Measures({ result: { detections, format, rate, channels, took_ms } }: { result: Result }) {
  return (
    <div class="scroll">
      <table>
        <caption>
          {format}, {valueText(rate)} Hz, {channels === 1 ? 'one channel' : `${channels} channels`}; listened to in{' '}
          {valueText(took_ms)} ms
        </caption>
        <thead>
          <tr>
            <th scope="col">Detector</th>
            <th scope="col">Heard</th>
            <th scope="col">Score</th>
            <th scope="col">Measured</th>
          </tr>
        </thead>
        <tbody>
          {detections.map(({ key, detected, score, details }) => (
            <tr key={key}>
              <th scope="row">{labelOf(key)}</th>
              <td>{valueText(detected)}</td>
              <td>{percent.format(score)}</td>
              <td>
                {Object.entries(details)
                  .map(([name, value]) => `${labelOf(name)}: ${valueText(value)}`)
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
