import { useRef, useState } from 'preact/hooks'
import { HubError } from '../../errors.ts'

export interface Asking {
  readonly busy: boolean
  /** Why the last thing that was asked was refused; null where it was not. */
  readonly fault: unknown
  /** Asks the hub for something. @returns whether it was done */
  readonly ask: (run: () => Promise<unknown>) => Promise<boolean>
}

/** What a form asks of the hub, one thing at a time. */
export function useAsking(): Asking {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  const asks = useRef(false)
  const ask = async (run: () => Promise<unknown>) => {
    if (asks.current) return false
    asks.current = true
    setBusy(true)
    setFault(null)
    try {
      await run()
      return true
    } catch (error) {
      setFault(error)
      return false
    } finally {
      asks.current = false
      setBusy(false)
    }
  }
  return { busy, fault, ask }
}

/** The lines of an error that say which part of what was sent is wrong, e.g. `name: is too long`. */
export const faultLines = (error: unknown): readonly string[] =>
  error instanceof HubError ? error.details.map(line => line.replace(/^body\//, '')) : []
