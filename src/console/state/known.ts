import { useSignal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'

interface Known<T> {
  readonly value: T | Error | null
  /** Reads it anew; what is shown stays meanwhile. */
  readonly again: () => void
  /** What it has become by what was done here. */
  readonly change: (next: (known: T) => T) => void
}

/**
 * Something that is read when one comes here, and is not told of as it changes; null while it is read. `name` says which one it is, and another
 * `version` that it is to be read anew.
 */
export function useKnown<T>(name: string, read: () => Promise<T>, version = 0): Known<T> {
  const shown = useSignal<T | Error | null>(null)
  const [count, setCount] = useState(0)
  useEffect(() => {
    shown.value = null
  }, [name])
  useEffect(() => {
    let isOver = false
    read().then(
      found => {
        if (!isOver) shown.value = found
      },
      (error: Error) => {
        if (!isOver && (shown.value === null || shown.value instanceof Error)) shown.value = error
      },
    )
    return () => {
      isOver = true
    }
  }, [name, count, version])
  return {
    value: shown.value,
    again: () => setCount(before => before + 1),
    change: next => {
      if (shown.value !== null && !(shown.value instanceof Error)) shown.value = next(shown.value)
    },
  }
}
