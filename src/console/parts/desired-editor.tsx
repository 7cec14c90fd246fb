import { useState } from 'preact/hooks'
import { HubError } from '../../errors.ts'
import { useAction } from '../state/action.ts'
import { patchOf } from '../state/patch.ts'
import { useRead } from '../state/read.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { Read } from './panel.tsx'
import { Problem } from './problem.tsx'

type Json = Readonly<Record<string, unknown>>

/** What is desired of a device, as JSON, for those who know it; and what of it is not so yet. */
export function DesiredEditor({ device_id, open }: { device_id: string; open: Json }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="editor" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>Change what is desired, as JSON</summary>
      {isOpen && <Editor device_id={device_id} />}
      <h3>Not reached yet</h3>
      {Object.keys(open).length === 0 ? (
        <p class="muted">Nothing: all that is desired is reported so.</p>
      ) : (
        <pre class="snippet">
          <code>{jsonText(open)}</code>
        </pre>
      )}
    </details>
  )
}

const jsonText = (value: Json) => JSON.stringify(value, null, 2)

function Editor({ device_id: id }: { device_id: string }) {
  const read = async () => (await session.call('GET /devices/{id}/state', { params: { id } })).state
  const state = useRead(id, read)
  return (
    <Read value={state.value}>
      {({ desired, desired_version }) => <Form key={desired_version} id={id} desired={desired} changed={state.again} />}
    </Read>
  )
}

interface FormOptions {
  readonly id: string
  /** As it was read. */
  readonly desired: Json
  readonly changed: () => Promise<void>
}

/** Only what was changed in the text is sent, so that what others wish meanwhile stays. */
function Form({ id, desired, changed }: FormOptions) {
  const { busy, fault, run } = useAction()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get('desired') ?? '')
    await run(async () => {
      const wanted = parsed(text)
      if (!isObject(wanted)) throw new HubError('invalid_request', 'This is no JSON object, like {"power": "on"}.')
      const body = patchOf(desired, wanted)
      if (Object.keys(body).length === 0) throw new HubError('invalid_request', 'Nothing is changed.')
      await session.call('PATCH /devices/{id}/desired', { params: { id }, body })
      await changed()
    })
  }
  return (
    <form class="stack" onSubmit={event => void submit(event)}>
      <label>
        Desired state
        <textarea name="desired" rows={8} spellcheck={false} defaultValue={jsonText(desired)} />
      </label>
      <Problem fault={fault} />
      <div>
        <button type="submit" disabled={busy}>
          Wish for it
        </button>
      </div>
    </form>
  )
}
