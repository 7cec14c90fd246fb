import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { HubError } from '../../errors.ts'
import '../styles/controls.css'
import { faultText } from './states.tsx'

/** Something that is asked of the hub: whether it is on its way, and what came of it where it was refused. */
export function useDoing() {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  const run = async (what: () => Promise<unknown>) => {
    setBusy(true)
    setFault(null)
    try {
      await what()
    } catch (error) {
      setFault(error)
    } finally {
      setBusy(false)
    }
  }
  return { busy, fault, run }
}

/** What the hub said to what was asked. The place for it is there from the beginning, so that it is read out. */
export function Refusal({ error }: { error: unknown }) {
  const details = error instanceof HubError ? error.details : []
  return (
    <div role="alert" class="problem">
      {error !== null && faultText(error)}
      {details.length > 0 && (
        <ul class="details">
          {details.map(detail => (
            <li key={detail}>{detail}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** What was typed into a field, without the blanks around it. */
export const typed = (given: FormData, name: string) => String(given.get(name) ?? '').trim()

interface FormOptions {
  /** What it is for, for those who hear it. */
  readonly label: string
  readonly action: string
  readonly send: (given: FormData) => Promise<unknown>
  readonly children: ComponentChildren
}

/** Fields and a button. It is emptied when the hub has taken what was typed, and tells what the hub refused. */
export function Form({ label, action, send, children }: FormOptions) {
  const { busy, fault, run } = useDoing()
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const given = new FormData(form)
    void run(async () => {
      await send(given)
      form.reset()
    })
  }
  return (
    <form class="fields" aria-label={label} onSubmit={submit}>
      {children}
      <div class="fields-end">
        <button type="submit" class="primary" disabled={busy}>
          {action}
        </button>
        <Refusal error={fault} />
      </div>
    </form>
  )
}

interface ActOptions {
  readonly name: string
  /** What it is done to, for those who hear it. */
  readonly about?: string
  readonly act: () => Promise<unknown>
}

/** A button that asks something of the hub. */
export function Act({ name, about = '', act }: ActOptions) {
  const { busy, fault, run } = useDoing()
  return (
    <>
      <button type="button" disabled={busy} onClick={() => void run(act)}>
        {name}
        <span class="unseen"> {about}</span>
      </button>
      <Refusal error={fault} />
    </>
  )
}

/** A button for what cannot be taken back: it asks first, with what will be lost. */
export function AskFirst({ name, about, question, act }: ActOptions & { question: string }) {
  const { busy, fault, run } = useDoing()
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => () => void setTimeout(focusAnew), [])
  const sure = async () => {
    await act()
    dialog.current?.close()
  }
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        {name}
        <span class="unseen"> {about}</span>
      </button>
      <dialog ref={dialog} class="ask-first" aria-labelledby={id}>
        <p id={id}>{question}</p>
        <Refusal error={fault} />
        <div class="row">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="destroys" disabled={busy} onClick={() => void run(sure)}>
            {name}
          </button>
        </div>
      </dialog>
    </>
  )
}

/** What had the focus is gone: whoever has only a keyboard goes on from the heading, not from the browser's own bars. */
function focusAnew(): void {
  if (document.activeElement === document.body) document.querySelector<HTMLElement>('main h1')?.focus()
}
