import { faultLines } from '../state/asking.ts'
import { faultText } from './states.tsx'

/** Why a form was refused, in the hub's words. Its place is there from the beginning, so that it is read out. */
export function Problem({ fault }: { fault: unknown }) {
  return (
    <div role="alert" class="problem">
      {fault !== null && (
        <>
          <p>{faultText(fault)}</p>
          {faultLines(fault).map(line => (
            <p key={line}>{line}</p>
          ))}
        </>
      )}
    </div>
  )
}
