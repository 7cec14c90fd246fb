import { type ReadonlySignal, useSignal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'
import type { Message } from '../../client/live.ts'
import { follow } from './live.ts'

interface Followed<T> {
  readonly filters: readonly string[]
  /** Reads it whole: at first, and whenever something may have been missed. */
  readonly read: () => Promise<T>
  /** What it becomes by a message; the same where it says nothing new. */
  readonly heard: (known: T, message: Message) => T
}

/** Something that was read and then moves by what is heard; null while it is read. `name` says which one it is. */
export function useFollowed<T>(name: string, followed: Followed<T>): ReadonlySignal<T | Error | null> {
  const shown = useSignal<T | Error | null>(null)
  // Asked for at once, and not after the next frame.
  useLayoutEffect(() => {
    let isOver = false
    let early: Message[] | null = []
    shown.value = null
    const hear = (message: Message) => {
      if (shown.value === null || shown.value instanceof Error) early?.push(message)
      else shown.value = followed.heard(shown.value, message)
    }
    const read = async () => {
      try {
        const found = await followed.read()
        if (!isOver) shown.value = (early ?? []).reduce(followed.heard, found)
        early = null
      } catch (error) {
        if (shown.value === null && !isOver) shown.value = error instanceof Error ? error : new Error(String(error))
      }
    }
    void read()
    const stop = follow(followed.filters, { heard: hear, resumed: () => void read() })
    return () => {
      isOver = true
      stop()
    }
  }, [name])
  return shown
}
