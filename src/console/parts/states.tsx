import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

/** The heading of a view; it is given the focus when one comes here. */
export function Title({ text, children }: { text: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${text} · Hearth`
  }, [text])
  return (
    <h1 class="title" tabIndex={-1}>
      {text}
      {children}
    </h1>
  )
}

/** Something is being read. It shows after a moment only, so that what is quick does not flicker. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <div class="loading" role="status">
      <span class="loading-dot" aria-hidden="true" />
      {what}…
    </div>
  )
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

interface FaultOptions {
  readonly error: unknown
  /** Tries anew; undefined where that is no use. */
  readonly again: (() => void) | undefined
  readonly busy?: boolean
}

/** What went wrong, in words, and what can be done about it. */
export function Fault({ error, again, busy = false }: FaultOptions) {
  return (
    <div class="fault" role="alert">
      <p>{faultText(error)}</p>
      {again && (
        <button type="button" aria-disabled={busy} onClick={again}>
          {busy ? 'Trying again…' : 'Try again'}
        </button>
      )}
    </div>
  )
}

/** Browsers say of a network that is gone no more than that a fetch has failed. */
export function faultText(error: unknown): string {
  if (error instanceof TypeError) return 'The hub does not answer. Check that it runs and that you are on its network.'
  return error instanceof Error ? error.message : String(error)
}

/** After what somebody had done the view is another one: whoever hears the page is told. */
export function focusTitle(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus())
}

/** What had the focus may be gone: whoever has only a keyboard goes on from the heading, not from the browser's own bars. */
export function focusAnew(): void {
  if (document.activeElement === document.body)
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
}
