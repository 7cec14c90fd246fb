import {
  type Draft,
  fieldsOf,
  type GroupDraft,
  isAnyValue,
  type LeafDraft,
  type LeafKind,
  leafKinds,
  newGroup,
  newLeaf,
  operatorsOf,
} from '../state/conditions.ts'
import { ChoiceField, NumberField, TextField } from './fields.tsx'

/** Groups within groups, as deep as a rule may have them. */
const mostLevels = 3

interface GroupOptions {
  readonly group: GroupDraft
  readonly change: (group: GroupDraft) => void
  /** Names of readings that the devices have. */
  readonly readings: readonly string[]
  readonly level?: number
}

const joins = [
  ['all', 'all of these are so'],
  ['any', 'any of these is so'],
] as const

/** Several conditions, of which all or any must be so, and groups of them among these. */
export function GroupFields({ group, change, readings, level = 1 }: GroupOptions) {
  const { join, parts } = group
  const set = (part: Draft) => change({ ...group, parts: parts.map(one => (one.id === part.id ? part : one)) })
  const add = (part: Draft) => change({ ...group, parts: [...parts, part] })
  const remove = (part: Draft) => change({ ...group, parts: parts.filter(({ id }) => id !== part.id) })
  return (
    <fieldset class="conditions">
      <legend>{level === 1 ? 'When' : 'Together'}</legend>
      {(parts.length > 1 || level > 1) && (
        <ChoiceField
          label="Raised when"
          value={join}
          choices={joins}
          change={next => change({ ...group, join: next })}
        />
      )}
      {parts.map((part, index) => (
        <div key={part.id} class="condition">
          {'parts' in part ? (
            <GroupFields group={part} change={set} readings={readings} level={level + 1} />
          ) : (
            <LeafFields leaf={part} change={set} readings={readings} />
          )}
          {parts.length > 1 && (
            <button type="button" onClick={() => remove(part)}>
              Remove<span class="unseen"> condition {index + 1}</span>
            </button>
          )}
        </div>
      ))}
      <div class="row">
        <button type="button" onClick={() => add(newLeaf())}>
          Add a condition
        </button>
        {level < mostLevels && (
          <button type="button" onClick={() => add(newGroup(join === 'all' ? 'any' : 'all'))}>
            Add a group
          </button>
        )}
      </div>
    </fieldset>
  )
}

interface LeafOptions {
  readonly leaf: LeafDraft
  readonly change: (leaf: LeafDraft) => void
  readonly readings: readonly string[]
}

function LeafFields({ leaf, change, readings }: LeafOptions) {
  const { id, kind, given } = leaf
  const turn = (next: LeafKind) => change({ ...newLeaf(next, given), id })
  const set = (name: string, text: string) => change({ ...leaf, given: { ...given, [name]: text } })
  return (
    <div class="inputs">
      <ChoiceField label="Condition" value={kind} choices={leafKinds} change={turn} />
      {fieldsOf[kind].map(field => {
        const { name, label, required } = field
        const common = { label, required, value: given[name] ?? '', change: (text: string) => set(name, text) }
        if (field.kind === 'operator') return <OperatorField key={name} leaf={leaf} label={label} set={set} />
        const isNumber = field.kind === 'number' || (field.kind === 'limit' && !isAnyValue(given.operator))
        if (isNumber) return <NumberField key={`${name} number`} {...common} />
        return (
          <TextField key={name} {...common} most={2048} suggestions={field.kind === 'reading' ? readings : []} isCode />
        )
      })}
    </div>
  )
}

interface OperatorOptions {
  readonly leaf: LeafDraft
  readonly label: string
  readonly set: (name: string, text: string) => void
}

function OperatorField({ leaf: { kind, given }, label, set }: OperatorOptions) {
  const choices = operatorsOf(kind)
  const chosen = choices.find(([one]) => one === given.operator)?.[0] ?? 'equals'
  return <ChoiceField label={label} value={chosen} choices={choices} change={next => set('operator', next)} />
}
