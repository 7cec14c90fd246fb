import { useState } from 'preact/hooks'
import type { State } from '../../client/routes.js'
import { HubError } from '../../errors.ts'
import { patchOf } from '../state/patch.ts'
import { useRead } from '../state/read.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { Act } from './act.tsx'
import { LinesField } from './fields.tsx'
import { Form } from './form.tsx'
import { Read } from './panel.tsx'

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
  const state = useRead(id, () => readState(id))
  const [turn, setTurn] = useState(0)
  const again = async () => {
    await state.again()
    setTurn(turn + 1)
  }
  return (
    <Read value={state.value} again={state.again}>
      {begun => <Wish key={turn} id={id} start={begun} again={again} />}
    </Read>
  )
}

type Version = Pick<State, 'desired' | 'desired_version'>

interface WishOptions {
  readonly id: string
  /** As it was read when the form was shown. */
  readonly start: Version
  /** Reads it anew, and shows a form of that. */
  readonly again: () => Promise<void>
}

/** Only what was changed in the text is sent; where somebody was first, whoever wrote it is asked. */
function Wish({ id, start, again }: WishOptions) {
  const [begun] = useState(start)
  const [now, setNow] = useState<Version | null>(null)
  const wish = async (given: FormData) => {
    const body = changesIn(given, begun.desired)
    const { desired_version } = now ?? begun
    try {
      await session.call('PATCH /devices/{id}/desired', { params: { id }, body, if_match: `"${desired_version}"` })
    } catch (error) {
      if (!(error instanceof HubError && error.code === 'precondition_failed')) throw error
      return setNow(await readState(id))
    }
    await again()
  }
  const [action, beside] =
    now === null
      ? ['Wish for it', null]
      : ['Wish for it all the same', <Act key="anew" name="Begin anew with what is desired now" act={again} />]
  return (
    <Form action={action} beside={beside} send={wish} keeps>
      <LinesField label="Desired state" name="desired" rows={8} value={jsonText(begun.desired)} isCode />
      <div role="alert">{now !== null && <Meanwhile before={begun.desired} now={now.desired} />}</div>
    </Form>
  )
}

/** What was changed in the text. @throws HubError `invalid_request` when it is no JSON object, or as it was */
function changesIn(given: FormData, desired: Json): Json {
  const wanted = parsed(String(given.get('desired')))
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
