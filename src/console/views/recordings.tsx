import { useState } from 'preact/hooks'
import type { Message } from '../../client/live.ts'
import type { Recording } from '../../client/routes.js'
import { ChoiceField } from '../parts/fields.tsx'
import { Read } from '../parts/panel.tsx'
import { RecordingLine } from '../parts/recording-line.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { useFollowed } from '../state/followed.ts'
import { devices, homes, progress } from '../state/homes.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import '../styles/alerts.css'

/** So many of the newest, and so many more each time; as many as the hub gives at once. */
const shown = 50
const mostShown = 1000

const statuses = ['waiting', 'queued', 'done', 'failed'] as const

interface Filter {
  readonly device_id: string
  readonly status: '' | Recording['status']
}

/** What devices have recorded, and what was heard in it. */
export default function Recordings() {
  const state = progress.value
  const [filter, setFilter] = useState<Filter>({ device_id: '', status: '' })
  const [limit, setLimit] = useState(shown)
  const named = [...devices.value.values()].map(({ device: { value } }) => [value.id, value.name] as const)
  return (
    <>
      <Title text="Recordings" />
      {state === 'loading' && <Loading what="Reading recordings" />}
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'ready' && (
        <>
          <search class="inputs filters">
            <ChoiceField
              label="Device"
              value={filter.device_id}
              choices={[['', 'All'], ...named.toSorted((a, b) => a[1].localeCompare(b[1]))]}
              change={device_id => setFilter({ ...filter, device_id })}
            />
            <ChoiceField
              label="Status"
              value={filter.status}
              choices={[['', 'All'], ...statuses.map(one => [one, labelOf(one)] as const)]}
              change={status => setFilter({ ...filter, status })}
            />
          </search>
          <RecordingList filter={filter} limit={limit} more={() => setLimit(limit + shown)} />
        </>
      )}
    </>
  )
}

interface ListOptions {
  readonly filter: Filter
  readonly limit: number
  readonly more: () => void
}

function RecordingList({ filter: { device_id, status }, limit, more }: ListOptions) {
  const found = useFollowed<readonly Recording[]>(`${device_id} ${status} ${limit}`, {
    filters: homes.value.map(({ id }) => `homes/${id}/devices/+/recordings`),
    read: async () => {
      const query = { limit, ...(device_id && { device_id }), ...(status && { status }) }
      return (await session.call('GET /ingest', { query })).recordings
    },
    heard: (known, message) => {
      const said = recordingIn(message)
      return said && (device_id === '' || said.device_id === device_id) ? withRecording(known, said) : known
    },
  })
  return (
    <Read value={found.value}>
      {all => {
        const rows = all.filter(one => status === '' || one.status === status)
        if (rows.length === 0) return <Empty>{noneText(device_id !== '' || status !== '')}</Empty>
        return (
          <>
            <ul class="recordings">
              {rows.map(recording => (
                <RecordingLine key={recording.id} recording={recording} />
              ))}
            </ul>
            {all.length >= limit && limit < mostShown && (
              <button type="button" onClick={more}>
                Show older ones
              </button>
            )}
          </>
        )
      }}
    </Read>
  )
}

const noneText = (isFiltered: boolean) =>
  isFiltered
    ? 'There is no recording like that.'
    : 'Nothing was recorded yet. What a device with a microphone uploads is listened to, and shown here.'

function recordingIn({ payload }: Message): Recording | null {
  const said = parsed(payload)
  return isObject(said) && isObject(said.recording) ? (said.recording as Recording) : null
}

const withRecording = (known: readonly Recording[], said: Recording): readonly Recording[] =>
  known.some(({ id }) => id === said.id)
    ? known.map(one => (one.id === said.id ? said : one))
    : [said, ...known].slice(0, mostShown)
