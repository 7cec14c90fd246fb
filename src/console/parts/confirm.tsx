import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useAction } from '../state/action.ts'
import { TextField } from './fields.tsx'
import { Problem } from './problem.tsx'
import { focusAnew } from './states.tsx'

interface ConfirmOptions {
  /** What the buttons say. */
  readonly action: string
  /** Whom it befalls, for those who hear the button without seeing what is beside it. */
  readonly about?: string
  /** The question. */
  readonly title: string
  /** What has to be typed before, where what is destroyed does not come back. */
  readonly typed?: string
  readonly run: () => Promise<unknown>
  /** What will be. */
  readonly children: ComponentChildren
}

/** A button for what destroys: it asks before. */
export function Confirm({ action, about = '', title, typed, run, children }: ConfirmOptions) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const { busy, fault, run: start } = useAction()
  const id = useId()
  useEffect(() => () => void setTimeout(focusAnew), [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (await start(run)) dialog.current?.close()
  }
  const isSure = typed === undefined || text.trim() === typed.trim()
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
          {typed !== undefined && <TextField label={`To go on, type: ${typed}`} value={text} change={setText} />}
          <Problem fault={fault} />
          <div class="row">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="danger" disabled={busy || !isSure}>
              {action}
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
