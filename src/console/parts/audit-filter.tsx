import { useEffect, useState } from 'preact/hooks'
import { homes } from '../state/homes.ts'
import '../styles/controls.css'

/** What is to be seen of the audit; an empty text is no condition. */
export interface Wanted {
  readonly action: string
  readonly actor_id: string
  readonly target: string
  readonly home_id: string
  readonly outcome: '' | 'done' | 'refused'
  readonly start_time: string
}

export const nothing: Wanted = { action: '', actor_id: '', target: '', home_id: '', outcome: '', start_time: '' }

type Choices<Value extends string = string> = readonly (readonly [value: Value, name: string])[]

const since: Choices = [
  ['', 'Ever'],
  ['-1h', 'One hour'],
  ['-24h', 'One day'],
  ['-7d', 'Seven days'],
  ['-30d', 'Thirty days'],
]

/** Asks when it is sent, not at each letter. */
export function AuditFilter({ wanted, want }: { wanted: Wanted; want: (wanted: Wanted) => void }) {
  const [draft, setDraft] = useState(wanted)
  useEffect(() => setDraft(wanted), [wanted])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const { action, actor_id, target } = draft
    want({ ...draft, action: action.trim(), actor_id: actor_id.trim(), target: target.trim() })
  }
  const field = <Name extends keyof Wanted>(name: Name) => ({
    name,
    value: draft[name],
    change: (text: Wanted[Name]) => setDraft({ ...draft, [name]: text }),
  })
  const isNarrowed = Object.values(wanted).some(text => text !== '')
  return (
    <form class="fields" aria-label="What to show" onSubmit={submit}>
      <Typed {...field('action')} label="Action, like device.create" longest={64} />
      <Typed {...field('actor_id')} label="Who, by id" longest={128} />
      <Typed {...field('target')} label="To what, like device/porch" longest={256} />
      <Choice {...field('home_id')} label="Home" choices={inHomes()} />
      <Choice {...field('outcome')} label="Outcome" choices={outcomes} />
      <Choice {...field('start_time')} label="How far back" choices={since} />
      <div class="fields-end">
        <button type="submit" class="primary">
          Show
        </button>
        {isNarrowed && (
          <button type="button" onClick={() => want(nothing)}>
            Show everything
          </button>
        )}
      </div>
    </form>
  )
}

const outcomes: Choices<Wanted['outcome']> = [
  ['', 'Done or refused'],
  ['done', 'Done'],
  ['refused', 'Refused'],
]
const inHomes = (): Choices => [['', 'All'], ...homes.value.map(({ id, name }) => [id, name] as const)]

interface FieldOptions<Value extends string = string> {
  readonly name: keyof Wanted
  readonly label: string
  readonly value: Value
  readonly change: (value: Value) => void
}

const Typed = ({ name, label, value, change, longest }: FieldOptions & { longest: number }) => (
  <label>
    {label}
    <input
      name={name}
      value={value}
      maxLength={longest}
      autocomplete="off"
      autocapitalize="none"
      onInput={event => change(event.currentTarget.value)}
    />
  </label>
)

interface ChoiceOptions<Value extends string> extends FieldOptions<Value> {
  readonly choices: Choices<Value>
}

function Choice<Value extends string>({ name, label, value, change, choices }: ChoiceOptions<Value>) {
  const choose = (text: string) => {
    const [chosen] = choices.find(([given]) => given === text) ?? []
    if (chosen !== undefined) change(chosen)
  }
  return (
    <label>
      {label}
      <select name={name} value={value} onChange={event => choose(event.currentTarget.value)}>
        {choices.map(([given, text]) => (
          <option key={given} value={given}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
