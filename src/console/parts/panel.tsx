import type { ComponentChildren } from 'preact'
import { Fault, Loading } from './states.tsx'

/** A part of a view with a heading of its own. */
export function Panel({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

/** What was read, or how the reading stands. */
export function Read<T>({ value, children }: { value: T | Error | null; children: (value: T) => ComponentChildren }) {
  if (value === null) return <Loading />
  if (value instanceof Error) return <Fault error={value} />
  return <>{children(value)}</>
}
