import { useRef, useState } from 'preact/hooks'
import type { State } from '../../client/routes.js'
import { HubError } from '../../errors.ts'
import { useAsking } from '../state/asking.ts'
import { patchOf } from '../state/patch.ts'
import { useRead } from '../state/read.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { Read } from './panel.tsx'
import { Problem } from './problem.tsx'
import '../styles/devices.css'

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

const readState = async (id: string) => (await session.call('GET /devices/{id}/state', { params: { id } })).state

function Editor({ device_id: id }: { device_id: string }) {
  const state = useRead(() => readState(id), [id])
  return (
    <Read value={state.value}>
      {({ desired, desired_version }) => (
        <Form key={desired_version} id={id} begun={{ desired, desired_version }} again={state.again} />
      )}
    </Read>
  )
}

type Version = Pick<State, 'desired' | 'desired_version'>

interface FormOptions {
  readonly id: string
  /** As it was read when the form was shown. */
  readonly begun: Version
  /** Reads it anew, and shows a form of that. */
  readonly again: () => Promise<void>
}

/** Only what was changed in the text is sent; where somebody was first, whoever wrote it is asked. */
function Form({ id, begun, again }: FormOptions) {
  const { busy, fault, ask } = useAsking()
  const [now, setNow] = useState<Version | null>(null)
  const form = useRef<HTMLFormElement>(null)
  const wish = ({ desired_version }: Version) =>
    ask(async () => {
      const body = changesIn(form.current, begun.desired)
      try {
        await session.call('PATCH /devices/{id}/desired', { params: { id }, body, if_match: `"${desired_version}"` })
      } catch (error) {
        if (!(error instanceof HubError && error.code === 'precondition_failed')) throw error
        setNow(await readState(id))
        return
      }
      await again()
    })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    void wish(now ?? begun)
  }
  return (
    <form ref={form} class="stack" onSubmit={submit}>
      <label>
        Desired state
        <textarea class="json" name="desired" rows={8} spellcheck={false} defaultValue={jsonText(begun.desired)} />
      </label>
      <div role="alert">{now !== null && <Meanwhile before={begun.desired} now={now.desired} />}</div>
      <Problem fault={fault} />
      <div class="row">
        <button type="submit" disabled={busy}>
          {now === null ? 'Wish for it' : 'Wish for it all the same'}
        </button>
        {now !== null && (
          <button type="button" disabled={busy} onClick={() => void ask(again)}>
            Begin anew with what is desired now
          </button>
        )}
      </div>
    </form>
  )
}

/** What was changed in the text. @throws HubError `invalid_request` when it is no JSON object, or as it was */
function changesIn(form: HTMLFormElement | null, desired: Json): Json {
  const wanted = parsed(form === null ? '' : String(new FormData(form).get('desired') ?? ''))
  if (!isObject(wanted)) throw new HubError('invalid_request', 'This is no JSON object, like {"power": "on"}.')
  const changes = patchOf(desired, wanted)
  if (Object.keys(changes).length === 0) throw new HubError('invalid_request', 'Nothing is changed.')
  return changes
}

/** What others have wished since the form was shown, name by name. */
function Meanwhile({ before, now }: { before: Json; now: Json }) {
  const textIn = (state: Json, name: string) => (Object.hasOwn(state, name) ? JSON.stringify(state[name]) : 'not there')
  return (
    <>
      <p>What is desired has changed since you began. What you have not touched stays as it is now.</p>
      <ul class="details">
        {Object.keys(patchOf(before, now)).map(name => (
          <li key={name}>
            {name}: was {textIn(before, name)}, is now {textIn(now, name)}
          </li>
        ))}
      </ul>
    </>
  )
}
