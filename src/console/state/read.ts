import { useSignal } from '@preact/signals'
import { useLayoutEffect, useMemo } from 'preact/hooks'
import type { Message } from '../../client/live.ts'
import { follow, liveStatus } from './live.ts'
import { questions } from './questions.ts'

export interface Known<T> {
  /** Null while it is read for the first time. */
  readonly value: T | Error | null
  /** Reads it anew; what was shown stays until then, and where that fails. @throws what the hub or the network says */
  readonly again: () => Promise<void>
  /** What it has become by what was heard or done here. */
  readonly change: (next: (known: T) => T) => void
}

type Change<T> = (known: T) => T

/** Read at first, and anew at each other `cause`; whatever it changes by meanwhile counts over the answer. */
function useReading<T>(name: string, read: () => Promise<T>, cause = ''): Known<T> {
  const shown = useSignal<T | Error | null>(null)
  const { ask, note, drop } = useMemo(() => questions<Change<T>>(), [name])
  const again = async () => {
    try {
      await ask(read, (whole, since) => {
        shown.value = since.reduce((known, next) => next(known), whole)
      })
    } catch (error) {
      if (shown.value === null || shown.value instanceof Error) shown.value = asError(error)
      throw error
    }
  }
  const change = (next: Change<T>) => {
    note(next)
    if (shown.value !== null && !(shown.value instanceof Error)) shown.value = next(shown.value)
  }
  useLayoutEffect(() => {
    shown.value = null
    return drop
  }, [name])
  // Asked for at once, and not after the next frame.
  useLayoutEffect(() => orTold(again), [name, cause])
  return { value: shown.value, again, change }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** What goes wrong is shown in the place of what was to be read, or the banner says that nobody answers. */
const orTold = (again: () => Promise<void>): void => void again().catch(() => undefined)

/**
 * Something that no topic tells of: read at first, whenever the hub is back, and when somebody asks. `name` says which one it is, and another
 * `version` that it is to be read anew.
 */
export const useRead = <T>(name: string, read: () => Promise<T>, version: string | number = ''): Known<T> =>
  useReading(name, read, `${version} ${liveStatus.value === 'offline'}`)

interface Followed<T> {
  readonly filters: readonly string[]
  /** Reads it whole: at first, and whenever something may have been missed. */
  readonly read: () => Promise<T>
  /** What it becomes by a message; the same where it says nothing new. */
  readonly heard: (known: T, message: Message) => T
}

/** Something that was read and then moves by what is heard. `name` says which one it is. */
export function useFollowed<T>(name: string, { filters, read, heard }: Followed<T>): Known<T> {
  const known = useReading(name, read)
  useLayoutEffect(
    () =>
      follow(filters, {
        heard: message => known.change(before => heard(before, message)),
        resumed: () => orTold(known.again),
      }),
    [name],
  )
  return known
}
