import type { ComponentChildren } from 'preact'
import { HubError } from '../../errors.ts'
import { useAction } from '../state/action.ts'
import type { Known } from '../state/read.ts'
import { Fault, focusAnew, Loading } from './states.tsx'

/** A part of a view with a heading of its own. */
export function Panel({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

interface ReadOptions<T> extends Pick<Known<T>, 'value' | 'again'> {
  readonly children: (value: T) => ComponentChildren
}

/** What was read, or how the reading stands. */
export function Read<T>({ value, again, children }: ReadOptions<T>) {
  if (value === null) return <Loading />
  if (value instanceof Error) return <Unread error={value} again={again} />
  return <>{children(value)}</>
}

function Unread({ error, again }: { error: Error; again: () => Promise<void> }) {
  const { busy, run } = useAction()
  const retry = async () => {
    if (await run(again)) setTimeout(focusAnew)
  }
  const isMissing = error instanceof HubError && error.code === 'not_found'
  return <Fault error={error} busy={busy} again={isMissing ? undefined : () => void retry()} />
}
