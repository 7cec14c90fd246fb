import { useState } from 'preact/hooks'
import type { Quarantine } from '../../client/routes.js'
import { zoneOf } from '../state/homes.ts'
import { deviceName } from '../state/names.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { labelOf, spreadText } from '../state/words.ts'
import { Confirm } from './confirm.tsx'
import { LinesField } from './fields.tsx'
import { Form } from './form.tsx'
import { Read } from './panel.tsx'
import { Time } from './time.tsx'

interface RefusedOptions {
  readonly message: Quarantine
  readonly changed: (message: Quarantine) => void
  readonly gone: (id: string) => void
}

/** A message that the hub could not understand, and what it would have to be. */
export function RefusedMessage(options: RefusedOptions) {
  const [isOpen, setOpen] = useState(false)
  const { message } = options
  const { device_id, home_id, topic, message: why, received_at, replayed_at } = message
  return (
    <li>
      <details onToggle={event => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="line-name">{deviceName(device_id)}</span>
          <code>{topic}</code>
          <span>{why}</span>
          {replayed_at !== null && <span class="outcome-succeeded">Replayed</span>}
          <Time at={received_at} zone={zoneOf(home_id)} />
        </summary>
        {isOpen && <Whole {...options} />}
      </details>
    </li>
  )
}

/** A list has the beginning of a payload only. */
function Whole({ message: { id, device_id, home_id, reason, size, replayed_at }, changed, gone }: RefusedOptions) {
  const { value, again } = useRead(
    id,
    async () => (await session.call('GET /ops/quarantine/{id}', { params: { id } })).quarantined,
  )
  const remove = async () => {
    await session.call('DELETE /ops/quarantine/{id}', { params: { id } })
    gone(id)
  }
  return (
    <div class="line-body">
      <p class="summary">
        <span>{labelOf(reason)}</span>
        <span>{size} bytes</span>
        <a href={`/devices/${device_id}`}>To its device</a>
      </p>
      <Read value={value} again={again}>
        {({ payload_text }) =>
          replayed_at === null ? (
            <Mend id={id} payload={payload_text} changed={changed} />
          ) : (
            <>
              <pre class="payload">{spreadText(payload_text)}</pre>
              <p>
                Replayed <Time at={replayed_at} zone={zoneOf(home_id)} />
              </p>
            </>
          )
        }
      </Read>
      <div class="row">
        <Confirm action="Delete" about="this message" title="Delete this message?" run={remove}>
          It does not come back, and nobody can replay it.
        </Confirm>
      </div>
    </div>
  )
}

interface MendOptions {
  readonly id: string
  readonly payload: string
  readonly changed: RefusedOptions['changed']
}

/** What was left as it is goes as it came, byte for byte. */
function Mend({ id, payload, changed }: MendOptions) {
  const [shown] = useState(() => spreadText(payload))
  const [text, setText] = useState(shown)
  const isMended = text !== shown
  const replay = async () => {
    const body = isMended ? { payload: text } : null
    changed((await session.call('POST /ops/quarantine/{id}/replay', { params: { id }, body })).quarantined)
  }
  const undo = isMended && (
    <button type="button" onClick={() => setText(shown)}>
      Undo my changes
    </button>
  )
  const action = isMended ? 'Replay as mended' : 'Replay as it is'
  return (
    <Form action={action} isPrimary send={replay} beside={undo} keeps>
      <LinesField
        label="Payload"
        rows={Math.min(20, text.split('\n').length + 1)}
        value={text}
        change={setText}
        isCode
      />
      <p class="muted">It is taken as if its device had sent it now.</p>
    </Form>
  )
}
