import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { liveStatus } from './live.ts'
import type { Page } from './pages.ts'

interface Known<T> {
  /** Null while it is read for the first time. */
  readonly value: T | Error | null
  /** Reads it anew; what was shown stays until then. @throws what the hub or the network says */
  readonly again: () => Promise<void>
  /** What it has become, where the hub has said so in another answer. */
  readonly change: (next: (known: T) => T) => void
}

/** Something that no topic tells of: read at first, whenever the hub is back, and when somebody asks. `name` says which one it is. */
export function useRead<T>(name: string, read: () => Promise<T>): Known<T> {
  const shown = useSignal<T | Error | null>(null)
  const turn = useRef(0)
  const isOffline = liveStatus.value === 'offline'
  const again = async () => {
    const mine = ++turn.current
    try {
      const found = await read()
      if (mine === turn.current) shown.value = found
    } catch (error) {
      if (mine === turn.current && (shown.value === null || shown.value instanceof Error)) shown.value = asError(error)
      throw error
    }
  }
  const change = (next: (known: T) => T) => {
    if (shown.value !== null && !(shown.value instanceof Error)) shown.value = next(shown.value)
  }
  useEffect(() => {
    shown.value = null
  }, [name])
  useEffect(() => {
    // It is shown in the place of what was to be read, or the banner says that nobody answers.
    again().catch(() => undefined)
    return () => {
      turn.current++
    }
  }, [name, isOffline])
  return { value: shown.value, again, change }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** Rows that are asked for at a time. */
const limit = 50

/** A list that is read a page at a time, as far as somebody wants to see of it. `name` says which one it is. */
export function usePages<Row>(
  name: string,
  readPage: (query: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Row>>,
) {
  const list = useRead<Page<Row>>(name, () => readPage({ limit }))
  const more = async () => {
    const { value } = list
    if (value === null || value instanceof Error || value.next_cursor === null) return
    const cursor = value.next_cursor
    const { rows, next_cursor } = await readPage({ limit, cursor })
    // Unless it was read anew meanwhile.
    list.change(known => (known.next_cursor === cursor ? { rows: [...known.rows, ...rows], next_cursor } : known))
  }
  return { ...list, more }
}
