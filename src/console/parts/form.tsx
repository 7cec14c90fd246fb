import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useAction } from '../state/action.ts'
import { Problem } from './problem.tsx'

/** What was typed or chosen under a name, without the blanks around it. */
export const typed = (given: FormData, name: string): string => String(given.get(name) ?? '').trim()

interface FormOptions {
  /** What it is for, for those who hear it. */
  readonly label?: string
  /** How its fields stand: beside each other as far as there is room, or each below the one before. */
  readonly layout?: 'fields' | 'stack'
  readonly class?: string
  /** What the button says; without it there is none. */
  readonly action: ComponentChildren
  readonly isPrimary?: boolean
  /** Sends what was typed. @throws what is to be shown at the form */
  readonly send: (given: FormData) => Promise<unknown>
  /** What is said once it was taken. */
  readonly done?: string
  /** Whether it keeps what was typed once it was taken; else it is as it was at first. */
  readonly keeps?: boolean
  /** Other buttons. */
  readonly beside?: ComponentChildren
  readonly children: ComponentChildren
}

/** Fields and a button. It tells that the hub has taken what was typed, or why it was refused. */
export function Form(options: FormOptions) {
  const { label, layout = 'stack', class: more = '', send, done = '', keeps = false, children } = options
  const [isDone, setDone] = useState(false)
  const { busy, fault, run } = useAction()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    setDone(false)
    if (!(await run(() => send(new FormData(form))))) return
    setDone(true)
    if (!keeps) form.reset()
  }
  return (
    <form
      class={`${layout} ${more}`.trim()}
      aria-label={label}
      onSubmit={event => void submit(event)}
      onInput={() => setDone(false)}
    >
      {children}
      <Problem fault={fault} />
      <FormEnd {...options} busy={busy} said={isDone ? done : ''} />
    </form>
  )
}

interface EndOptions extends Pick<FormOptions, 'action' | 'isPrimary' | 'beside'> {
  readonly busy: boolean
  readonly said: string
}

function FormEnd({ action, isPrimary = false, beside, busy, said }: EndOptions) {
  return (
    <div class="row form-end">
      {action !== null && (
        <button type="submit" class={isPrimary ? 'primary' : ''} disabled={busy}>
          {action}
        </button>
      )}
      {beside}
      <span role="status" class="muted">
        {said}
      </span>
    </div>
  )
}
