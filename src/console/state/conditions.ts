import type { Rule } from '../../client/routes.js'
import { isObject, parsed, type Value } from './readings.ts'
import { durationText, labelOf, valueText } from './words.ts'

export type Condition = Rule['condition']

export const leafKinds = [
  ['threshold', 'A reading is beyond a limit'],
  ['rate', 'A reading changes too fast'],
  ['no_data', 'Nothing is heard'],
  ['state', 'The state is'],
  ['events', 'Events happen'],
] as const
export type LeafKind = (typeof leafKinds)[number][0]

const limits = [
  ['above', 'above'],
  ['at_least', 'at least'],
  ['below', 'below'],
  ['at_most', 'at most'],
] as const
const sameness = [
  ['equals', 'equal to'],
  ['not_equals', 'not equal to'],
] as const
const operators = [...limits, ...sameness]
export type Operator = (typeof operators)[number][0]

interface FieldSpec {
  readonly name: string
  readonly label: string
  readonly kind: 'reading' | 'text' | 'number' | 'operator' | 'limit'
  readonly required: boolean
  /** What stands there at first. */
  readonly start: string
}

const spec = (name: string, label: string, kind: FieldSpec['kind'], required = true, start = ''): FieldSpec => ({
  name,
  label,
  kind,
  required,
  start,
})
const lasting = spec('for_seconds', 'Without a break for, in seconds', 'number', false)

/** What is asked for each kind of condition, by the names of the API; `operator` and `limit` become one there. */
export const fieldsOf: Readonly<Record<LeafKind, readonly FieldSpec[]>> = {
  threshold: [
    spec('field', 'Reading', 'reading'),
    spec('operator', 'Is', 'operator', true, 'above'),
    spec('limit', 'Limit', 'limit'),
    spec('clear_at', 'Over when back at (optional)', 'number', false),
    lasting,
  ],
  rate: [
    spec('field', 'Reading', 'reading'),
    spec('operator', 'Changes by', 'operator', true, 'above'),
    spec('limit', 'Limit', 'limit'),
    spec('per_seconds', 'In so many seconds', 'number', true, '60'),
    spec('window_seconds', 'Measured over, in seconds', 'number', true, '300'),
  ],
  no_data: [
    spec('field', 'Reading (any message when empty)', 'reading', false),
    spec('seconds', 'For, in seconds', 'number', true, '600'),
  ],
  state: [
    spec('path', 'Name in the state, with dots', 'text'),
    spec('operator', 'Is', 'operator', true, 'equals'),
    spec('limit', 'Value', 'limit'),
    lasting,
  ],
  events: [
    spec('kind', 'Kind: event, or alert/ and its key', 'text', true, 'event'),
    spec('name', 'What the event calls itself (any when empty)', 'text', false),
    spec('count', 'At least so many', 'number', true, '1'),
    spec('window_seconds', 'Within, in seconds', 'number', true, '3600'),
  ],
}

export const operatorsOf = (kind: LeafKind): readonly (readonly [Operator, string])[] =>
  kind === 'rate' ? limits : kind === 'state' ? sameness : operators
/** Whether what something is compared with may be other than a number. */
export const isAnyValue = (operator: string | undefined) => operator === 'equals' || operator === 'not_equals'

/** One condition as it is written: what was typed, by the names above. */
export interface LeafDraft {
  readonly id: number
  readonly kind: LeafKind
  readonly given: Readonly<Record<string, string>>
}
export interface GroupDraft {
  readonly id: number
  readonly join: 'all' | 'any'
  readonly parts: readonly Draft[]
}
export type Draft = LeafDraft | GroupDraft

let last = 0
const nextId = () => ++last

export function newLeaf(kind: LeafKind = 'threshold', before: LeafDraft['given'] = {}): LeafDraft {
  const kept = fieldsOf[kind].map(
    ({ name, kind, start }) => [name, (kind === 'reading' && before[name]) || start] as const,
  )
  return { id: nextId(), kind, given: Object.fromEntries(kept) }
}
export const newGroup = (join: GroupDraft['join'] = 'all', parts: readonly Draft[] = [newLeaf()]): GroupDraft => ({
  id: nextId(),
  join,
  parts,
})

/** A condition to be written on; a single one stands in a group of its own. */
export function groupOf(condition: Condition): GroupDraft {
  const draft = draftOf(condition)
  return 'parts' in draft ? draft : newGroup('all', [draft])
}

function draftOf(condition: unknown): Draft {
  if (!isObject(condition)) return newLeaf()
  for (const join of ['all', 'any'] as const) {
    const parts = condition[join]
    if (Array.isArray(parts)) return newGroup(join, parts.map(draftOf))
  }
  const kind = leafKinds.find(([one]) => one === condition.type)?.[0] ?? 'threshold'
  const operator = operatorIn(condition)
  const text = ({ name }: FieldSpec) => {
    if (name === 'operator') return operator ?? ''
    if (name === 'limit') return textOf(condition[operator ?? ''], operator)
    const value = condition[name]
    return value === undefined || (name === 'for_seconds' && value === 0) ? '' : String(value)
  }
  return {
    id: nextId(),
    kind,
    given: Object.fromEntries(fieldsOf[kind].map(field => [field.name, text(field)] as const)),
  }
}

const operatorIn = (condition: Readonly<Record<string, unknown>>) =>
  operators.find(([name]) => condition[name] !== undefined)?.[0]

/** Text that would be read as something else stands in quotes. */
const textOf = (value: unknown, operator: string | undefined): string =>
  isAnyValue(operator) && typeof value === 'string' && scalarOf(value) !== value ? JSON.stringify(value) : String(value)

/** A number, true or false where it is one; in quotes, and otherwise, text. */
function scalarOf(text: string): Value {
  const value = parsed(text)
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : text
}

/** The readings that are asked about. */
export const readingsIn = (draft: Draft): readonly string[] =>
  'parts' in draft ? draft.parts.flatMap(readingsIn) : draft.given.field ? [draft.given.field] : []

/** What was written, as the API takes it; a group of one is that one. */
export const conditionOf = (draft: Draft): Condition => plainOf(draft) as Condition

function plainOf(draft: Draft): Readonly<Record<string, unknown>> {
  if (!('parts' in draft)) return leafOf(draft)
  const [only] = draft.parts
  if (only && draft.parts.length === 1) return plainOf(only)
  return { [draft.join]: draft.parts.map(plainOf) }
}

function leafOf({ kind, given }: LeafDraft): Readonly<Record<string, unknown>> {
  const leaf: Record<string, unknown> = { type: kind }
  const { operator = '' } = given
  for (const field of fieldsOf[kind]) {
    const text = (given[field.name] ?? '').trim()
    if (text === '' || field.kind === 'operator') continue
    if (field.kind === 'limit') leaf[operator] = isAnyValue(operator) ? scalarOf(text) : Number(text)
    else leaf[field.name] = field.kind === 'number' ? Number(text) : text
  }
  return leaf
}

const numberIn = (condition: Readonly<Record<string, unknown>>, name: string, standard = 0) => {
  const value = condition[name]
  return typeof value === 'number' ? value : standard
}
const secondsText = (condition: Readonly<Record<string, unknown>>, name: string, standard = 0) =>
  durationText(numberIn(condition, name, standard) * 1000)
const wordIn = (condition: Readonly<Record<string, unknown>>, name: string) => {
  const value = condition[name]
  return typeof value === 'string' ? value : ''
}

/** A condition in words. */
export function conditionText(condition: unknown): string {
  if (!isObject(condition)) return ''
  for (const [join, word] of [
    ['all', ' and '],
    ['any', ' or '],
  ] as const) {
    const parts = condition[join]
    if (Array.isArray(parts))
      return parts.map(part => (isGroup(part) ? `(${conditionText(part)})` : conditionText(part))).join(word)
  }
  const kind = leafKinds.find(([one]) => one === condition.type)?.[0]
  return kind === undefined ? '' : leafTexts[kind](condition)
}

const isGroup = (condition: unknown) => isObject(condition) && ('all' in condition || 'any' in condition)

const leafTexts: Readonly<Record<LeafKind, (leaf: Readonly<Record<string, unknown>>) => string>> = {
  threshold: leaf => `${labelOf(wordIn(leaf, 'field'))} is ${limitText(leaf)}${lastingText(leaf)}`,
  rate: leaf =>
    `${labelOf(wordIn(leaf, 'field'))} changes by ${limitText(leaf)} in ${secondsText(leaf, 'per_seconds', 60)}`,
  no_data: leaf =>
    `${leaf.field === undefined ? 'nothing is heard' : `no ${labelOf(wordIn(leaf, 'field'))} is heard`} for ${secondsText(leaf, 'seconds')}`,
  state: leaf => `state ${wordIn(leaf, 'path')} is ${limitText(leaf)}${lastingText(leaf)}`,
  events: leaf =>
    `${valueText(numberIn(leaf, 'count', 1))} × ${wordIn(leaf, 'name') || wordIn(leaf, 'kind') || 'event'} within ${secondsText(leaf, 'window_seconds')}`,
}

function limitText(leaf: Readonly<Record<string, unknown>>): string {
  const operator = operators.find(([name]) => leaf[name] !== undefined)
  return operator ? `${operator[1]} ${valueText(leaf[operator[0]])}` : ''
}

function lastingText(leaf: Readonly<Record<string, unknown>>): string {
  const seconds = numberIn(leaf, 'for_seconds')
  return seconds > 0 ? ` for ${durationText(seconds * 1000)}` : ''
}
