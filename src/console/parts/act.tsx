import { useAction } from '../state/action.ts'
import { Problem } from './problem.tsx'

interface ActOptions {
  readonly name: string
  /** What it is done to, for those who hear it. */
  readonly about?: string
  readonly act: () => Promise<unknown>
}

/** A button that asks something of the hub, and tells why that was refused. */
export function Act({ name, about = '', act }: ActOptions) {
  const { busy, fault, run } = useAction()
  return (
    <>
      <button type="button" disabled={busy} onClick={() => void run(act)}>
        {name}
        <span class="unseen"> {about}</span>
      </button>
      <Problem fault={fault} />
    </>
  )
}
