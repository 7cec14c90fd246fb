import { useId } from 'preact/hooks'

interface FieldOptions<T> {
  readonly label: string
  readonly value: T
  readonly change: (value: T) => void
  readonly required?: boolean
}

interface TextOptions extends FieldOptions<string> {
  /** What it often is. */
  readonly suggestions?: readonly string[]
  readonly most?: number
}

export function TextField({ label, value, change, required = false, suggestions = [], most = 2048 }: TextOptions) {
  const id = useId()
  return (
    <label>
      {label}
      <input
        type="text"
        list={suggestions.length > 0 ? id : undefined}
        value={value}
        required={required}
        maxLength={most}
        autocomplete="off"
        spellcheck={false}
        onInput={event => change(event.currentTarget.value)}
      />
      <datalist id={id}>
        {suggestions.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </label>
  )
}

/** A number as it is typed; empty where there is none. */
export function NumberField({
  label,
  value,
  change,
  required = false,
  min,
  max,
}: FieldOptions<string> & { readonly min?: number; readonly max?: number }) {
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

export function TimeField({ label, value, change }: FieldOptions<string>) {
  return (
    <label>
      {label}
      <input type="time" value={value} required onInput={event => change(event.currentTarget.value)} />
    </label>
  )
}

interface ChoiceOptions<T extends string> extends FieldOptions<T> {
  /** What may be chosen, with the words for each. */
  readonly choices: readonly (readonly [value: T, words: string])[]
}

export function ChoiceField<T extends string>({ label, value, change, choices }: ChoiceOptions<T>) {
  const chosen = (text: string) => choices.find(([one]) => one === text)?.[0]
  return (
    <label>
      {label}
      <select
        value={value}
        onChange={event => {
          const next = chosen(event.currentTarget.value)
          if (next !== undefined) change(next)
        }}
      >
        {choices.map(([one, words]) => (
          <option key={one} value={one} selected={one === value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}

export function CheckField({ label, value, change }: FieldOptions<boolean>) {
  return (
    <label class="tick">
      <input type="checkbox" checked={value} onChange={event => change(event.currentTarget.checked)} />
      {label}
    </label>
  )
}
