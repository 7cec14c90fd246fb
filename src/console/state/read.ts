import { useEffect, useRef, useState } from 'preact/hooks'

interface Reading<T> {
  /** Null until it was read for the first time. What was read stays while it is read again. */
  readonly value: T | Error | null
  readonly again: () => Promise<void>
}

/** Something that is read, and read again when one of `causes` has changed. Of several readings the last one counts. */
export function useRead<T>(read: () => Promise<T>, causes: readonly unknown[]): Reading<T> {
  const [value, setValue] = useState<T | Error | null>(null)
  const turn = useRef(0)
  const again = async () => {
    const mine = ++turn.current
    const found = await read().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
    if (mine === turn.current) setValue(() => found)
  }
  useEffect(() => {
    void again()
    return () => {
      turn.current++
    }
  }, causes)
  return { value, again }
}
