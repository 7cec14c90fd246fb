import { useEffect, useState } from 'preact/hooks'
import { homes } from '../state/homes.ts'
import { choicesOf } from '../state/names.ts'
import { ChoiceField, type Choices, TextField } from './fields.tsx'
import { Form } from './form.tsx'

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
  const send = async () => {
    const { action, actor_id, target } = draft
    want({ ...draft, action: action.trim(), actor_id: actor_id.trim(), target: target.trim() })
  }
  const field = <Name extends keyof Wanted>(name: Name) => ({
    value: draft[name],
    change: (text: Wanted[Name]) => setDraft({ ...draft, [name]: text }),
  })
  const isNarrowed = Object.values(wanted).some(text => text !== '')
  const everything = isNarrowed && (
    <button type="button" onClick={() => want(nothing)}>
      Show everything
    </button>
  )
  return (
    <Form label="What to show" layout="fields" action="Show" isPrimary send={send} beside={everything} keeps>
      <TextField {...field('action')} label="Action, like device.create" most={64} isCode />
      <TextField {...field('actor_id')} label="Who, by id" isCode />
      <TextField {...field('target')} label="To what, like device/porch" most={256} isCode />
      <ChoiceField {...field('home_id')} label="Home" choices={inHomes()} />
      <ChoiceField {...field('outcome')} label="Outcome" choices={outcomes} />
      <ChoiceField {...field('start_time')} label="How far back" choices={since} />
    </Form>
  )
}

const outcomes: Choices<Wanted['outcome']> = [
  ['', 'Done or refused'],
  ['done', 'Done'],
  ['refused', 'Refused'],
]
const inHomes = (): Choices => [['', 'All'], ...choicesOf(homes.value)]
