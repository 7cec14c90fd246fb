import { useRef, useState } from 'preact/hooks'
import '../styles/controls.css'

/** A secret, which the hub tells this one time. */
export function ToldOnce({ label, secret }: { label: string; secret: string }) {
  const field = useRef<HTMLInputElement>(null)
  const [told, tell] = useState('')
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(secret)
      tell('Copied.')
    } catch {
      // Pages that came over plain HTTP from another machine may not.
      tell('It is selected: copy it with your keyboard or the menu.')
    }
  }
  return (
    <div class="told-once">
      <label>
        {label}
        <input ref={field} readOnly value={secret} spellcheck={false} />
      </label>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <p role="status" class="muted">
        {told || 'Keep it now: it is shown here and never again.'}
      </p>
    </div>
  )
}
