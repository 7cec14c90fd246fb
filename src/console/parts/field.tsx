interface FieldOptions {
  readonly label: string
  readonly name: string
  /** What stands in it at first. */
  readonly value?: string
  readonly required?: boolean
  /** Characters at most. */
  readonly most?: number
  /** The id of a list to choose from. */
  readonly list?: string
  readonly placeholder?: string
}

/** A line of text that a form asks for. */
export function Field({ label, name, value, required, most = 128, list, placeholder }: FieldOptions) {
  return (
    <label>
      {label}
      <input
        name={name}
        defaultValue={value}
        required={required}
        maxLength={most}
        list={list}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  )
}

/** What of a form was typed or chosen under a name, without spaces around it. */
export const wordIn = (form: EventTarget | null, name: string): string =>
  form instanceof HTMLFormElement ? String(new FormData(form).get(name) ?? '').trim() : ''

/** Saves a form, and says that it was saved. */
export function Save({ busy, told }: { busy: boolean; told: string }) {
  return (
    <div class="row">
      <button type="submit" disabled={busy}>
        Save
      </button>
      <span role="status" class="muted">
        {told}
      </span>
    </div>
  )
}
