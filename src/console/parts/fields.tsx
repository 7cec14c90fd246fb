import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

/** A field has a `name` where its form reads it when it is sent, and `change` where each letter counts at once. */
interface FieldOptions<T> {
  readonly label: ComponentChildren
  readonly name?: string
  /** What stands in it; with a `name`, at first. */
  readonly value?: T
  readonly change?: (value: T) => void
}

interface LineOptions extends FieldOptions<string> {
  readonly required?: boolean
  /** Characters at most. */
  readonly most?: number
  /** Whether it counts letter by letter, as names to sign in with, JSON and topic filters do. */
  readonly isCode?: boolean
}

const types = {
  text: { type: 'text' },
  email: { type: 'email' },
  password: { type: 'password' },
  search: { type: 'search' },
  time: { type: 'time' },
} as const

interface TextOptions extends LineOptions {
  readonly type?: keyof typeof types
  /** Characters at least. */
  readonly least?: number
  /** What it often is. */
  readonly suggestions?: readonly string[]
  readonly placeholder?: string
  /** What the browser may fill in. */
  readonly autocomplete?: string
}

/** What stands in a field at first, or now. */
const standing = ({ value, change }: LineOptions) => (change ? { value: value ?? '' } : { defaultValue: value ?? '' })

/** A line of text. */
export function TextField(options: TextOptions) {
  const { label, name, change, required = false, least, most = 128, suggestions = [], type = 'text' } = options
  const id = useId()
  const kind = suggestions.length > 0 ? ({ type: 'text', list: id } as const) : types[type]
  return (
    <label>
      {label}
      <input
        {...standing(options)}
        name={name}
        {...kind}
        required={required}
        minLength={least}
        maxLength={most}
        placeholder={options.placeholder}
        autocomplete={options.autocomplete ?? 'off'}
        autocapitalize={options.isCode ? 'none' : undefined}
        spellcheck={false}
        onInput={event => change?.(event.currentTarget.value)}
      />
      {suggestions.length > 0 && (
        <datalist id={id}>
          {suggestions.map(one => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </label>
  )
}

interface LinesOptions extends LineOptions {
  readonly rows: number
}

/** Several lines of text. */
export function LinesField(options: LinesOptions) {
  const { label, name, change, required = false, most, rows, isCode = false } = options
  return (
    <label>
      {label}
      <textarea
        {...standing(options)}
        name={name}
        rows={rows}
        required={required}
        maxLength={most}
        spellcheck={!isCode}
        onInput={event => change?.(event.currentTarget.value)}
      />
    </label>
  )
}

interface NumberOptions {
  readonly label: string
  /** As it is typed; empty where there is none. */
  readonly value: string
  readonly change: (value: string) => void
  readonly required?: boolean
  readonly min?: number
  readonly max?: number
}

export function NumberField({ label, value, change, required = false, min, max }: NumberOptions) {
  return (
    <label>
      {label}
      <input
        type="number"
        step="any"
        value={value}
        required={required}
        min={min}
        max={max}
        onInput={event => change(event.currentTarget.value)}
      />
    </label>
  )
}

/** What may be chosen, with the words for each. */
export type Choices<T extends string = string> = readonly (readonly [value: T, words: string])[]

interface ChoiceOptions<T extends string> extends FieldOptions<T> {
  readonly choices: Choices<T>
}

export function ChoiceField<T extends string>({ label, name, value, change, choices }: ChoiceOptions<T>) {
  const choose = (text: string) => {
    const next = choices.find(([one]) => one === text)?.[0]
    if (next !== undefined) change?.(next)
  }
  return (
    <label>
      {label}
      <select name={name} {...(change && { value: value ?? '' })} onChange={event => choose(event.currentTarget.value)}>
        {choices.map(([one, words]) => (
          <option key={one} value={one} selected={one === value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}

interface CheckOptions extends FieldOptions<boolean> {
  /** Whether what was ticked before is still on its way. */
  readonly busy?: boolean
}

export function CheckField({ label, name, value = false, change, busy = false }: CheckOptions) {
  return (
    <label class="tick">
      <input
        type="checkbox"
        name={name}
        {...(change ? { checked: value } : { defaultChecked: value })}
        aria-disabled={busy}
        onClick={event => busy && event.preventDefault()}
        onChange={event => change?.(event.currentTarget.checked)}
      />
      {label}
    </label>
  )
}

/** A password that somebody chooses, as `password`. */
export const NewPasswordField = ({ label, required = false }: { label: ComponentChildren; required?: boolean }) => (
  <TextField
    label={label}
    name="password"
    type="password"
    required={required}
    least={10}
    most={1024}
    autocomplete="new-password"
  />
)
