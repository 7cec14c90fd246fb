import { useRef, useState } from 'preact/hooks'

export interface Action {
  readonly busy: boolean
  /** What went wrong the last time; null while nothing has. */
  readonly fault: unknown
  /** Does nothing while the one before is under way. @returns whether it went well */
  readonly run: (act: () => Promise<unknown>) => Promise<boolean>
}

/** Something that a person does, one at a time, and how it goes. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  const runs = useRef(false)
  const run = async (act: () => Promise<unknown>) => {
    if (runs.current) return false
    runs.current = true
    setBusy(true)
    setFault(null)
    try {
      await act()
      return true
    } catch (error) {
      setFault(error)
      return false
    } finally {
      runs.current = false
      setBusy(false)
    }
  }
  return { busy, fault, run }
}
