import type { ComponentChildren } from 'preact'
import { Copy } from './copy.tsx'

interface ToldOnceOptions {
  /** What it is, like `Key of Greenhouse`. */
  readonly label: string
  /** Null while there is none. */
  readonly secret: string | null
  /** The same in other ways. */
  readonly children?: ComponentChildren
}

/** A secret that the hub tells this one time. Its place is there from the beginning, so that it is read out. */
export function ToldOnce({ label, secret, children }: ToldOnceOptions) {
  return (
    <div role="status">
      {secret !== null && (
        <figure class="told-once">
          <figcaption>{label}</figcaption>
          <code>{secret}</code>
          <Copy key={secret} text={secret} what={label} />
          {children}
          <p class="muted">Keep it now: it is shown here and never again.</p>
        </figure>
      )}
    </div>
  )
}
