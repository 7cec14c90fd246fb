import type { ComponentChildren } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { useAsking } from '../state/asking.ts'
import { Problem } from './problem.tsx'
import '../styles/devices.css'

interface ConfirmOptions {
  /** What the buttons say. */
  readonly action: string
  /** Whom it befalls, for those who hear the button without seeing what is beside it. */
  readonly about: string
  /** The question. */
  readonly title: string
  /** What has to be typed before, where what is destroyed does not come back. */
  readonly typed?: string
  readonly run: () => Promise<unknown>
  /** What will be. */
  readonly children: ComponentChildren
}

/** A button for what destroys: it asks before. */
export function Confirm({ action, about, title, typed, run, children }: ConfirmOptions) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const { busy, fault, ask } = useAsking()
  const id = useId()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (await ask(run)) dialog.current?.close()
  }
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        {action}
        <span class="unseen"> {about}</span>
      </button>
      <dialog ref={dialog} aria-labelledby={id} onClose={() => setText('')}>
        <form class="stack" onSubmit={event => void submit(event)}>
          <h2 id={id}>{title}</h2>
          <div>{children}</div>
          {typed !== undefined && (
            <label>
              To go on, type: {typed}
              <input
                value={text}
                onInput={event => setText(event.currentTarget.value)}
                autocomplete="off"
                spellcheck={false}
              />
            </label>
          )}
          <Problem fault={fault} />
          <div class="row">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button
              type="submit"
              class="danger"
              disabled={busy || (typed !== undefined && text.trim() !== typed.trim())}
            >
              {action}
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
