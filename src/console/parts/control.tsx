import { useId, useState } from 'preact/hooks'
import type { Command } from '../../client/routes.js'
import { type Capability, type Param, paramValue } from '../state/capabilities.ts'
import { ownIn, type Value } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'
import { faultText } from './states.tsx'

interface ControlOptions {
  readonly device_id: string
  readonly capability: Capability
  /** What the device reports, so that a control stands where the device does. */
  readonly reported: Readonly<Record<string, unknown>>
}

type Params = Record<string, Value>

/** Something that the device can be told. Where one choice says it all there is a button for each; otherwise a form. */
export function Control({ device_id, capability, reported }: ControlOptions) {
  const { name, about, params } = capability
  const { busy, told, send } = useCommand(device_id, name)
  // What the device has a standard for is left to the device.
  const asked = params.filter(param => param.required || param.standard === undefined)
  const [only] = asked
  const isChoice = asked.length === 1 && only?.kind === 'choice' && only.choices.length <= 5
  const id = useId()
  return (
    <fieldset class="control" aria-labelledby={id}>
      <div>
        <h3 id={id}>{labelOf(name)}</h3>
        <p role="status" class="muted told">
          {told || about}
        </p>
      </div>
      {isChoice && only ? (
        <Choice param={only} now={ownIn(reported, only.name)} busy={busy} send={send} />
      ) : (
        <Form
          params={asked}
          action={asked.length === 0 ? labelOf(name) : 'Send'}
          reported={reported}
          busy={busy}
          send={send}
        />
      )}
    </fieldset>
  )
}

function useCommand(id: string, name: string) {
  const [busy, setBusy] = useState(false)
  const [told, setTold] = useState('')
  const send = async (params: Params) => {
    setBusy(true)
    setTold('Sending…')
    try {
      const body = { name, params }
      const { command } = await session.call('POST /devices/{id}/commands', {
        params: { id },
        query: { wait: 10 },
        body,
      })
      setTold(outcomeOf(command))
    } catch (error) {
      setTold(faultText(error))
    } finally {
      setBusy(false)
    }
  }
  return { busy, told, send }
}

function outcomeOf({ status, error }: Command): string {
  if (status === 'succeeded') return 'Done: the device has confirmed it.'
  if (status === 'queued') return 'It waits until the device is there.'
  if (error) return `${labelOf(status)}: ${error.message}`
  return `${labelOf(status)}.`
}

interface Sending {
  readonly busy: boolean
  readonly send: (params: Params) => Promise<void>
}

function Choice({ param, now, busy, send }: Sending & { param: Param; now: unknown }) {
  return (
    <div class="choices">
      {param.choices.map(choice => (
        <button
          key={String(choice)}
          type="button"
          aria-pressed={choice === now}
          aria-disabled={busy}
          onClick={() => void (busy || send({ [param.name]: choice }))}
        >
          {labelOf(valueText(choice))}
        </button>
      ))}
    </div>
  )
}

interface FormOptions extends Sending {
  readonly params: readonly Param[]
  readonly reported: ControlOptions['reported']
  /** What the button says. */
  readonly action: string
}

function Form({ params, reported, action, busy, send }: FormOptions) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const entries = params.flatMap(param => {
      const value = paramValue(param, String(given.get(param.name) ?? ''))
      return value === undefined ? [] : [[param.name, value] as const]
    })
    void send(Object.fromEntries(entries))
  }
  return (
    <form class="row" onSubmit={submit}>
      {params.map(param => (
        <Field key={param.name} param={param} now={ownIn(reported, param.name) ?? param.standard} />
      ))}
      <button type="submit" disabled={busy}>
        {action}
      </button>
    </form>
  )
}

function Field({ param, now }: { param: Param; now: unknown }) {
  const id = useId()
  const { name, kind, required } = param
  const standing = now === undefined || typeof now === 'object' ? '' : String(now)
  const choices = kind === 'switch' ? [true, false] : param.choices
  return (
    <label for={id}>
      {labelOf(name)}
      {choices.length > 0 ? (
        <select id={id} name={name} required={required} defaultValue={standing}>
          {!required && <option value="">–</option>}
          {choices.map(choice => (
            <option key={String(choice)} value={String(choice)} selected={String(choice) === standing}>
              {labelOf(valueText(choice))}
            </option>
          ))}
        </select>
      ) : (
        <Typed id={id} param={param} standing={standing} />
      )}
    </label>
  )
}

interface Typing {
  readonly id: string
  readonly param: Param
  readonly standing: string
}

function Typed({ id, param: { name, kind, required, min, max, isWhole }, standing }: Typing) {
  if (kind !== 'number') return <input id={id} name={name} type="text" required={required} defaultValue={standing} />
  const step = isWhole ? 1 : 'any'
  return (
    <input
      id={id}
      type="number"
      name={name}
      required={required}
      min={min}
      max={max}
      step={step}
      defaultValue={standing}
    />
  )
}
