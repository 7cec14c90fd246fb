import { HubError } from '../../errors.ts'
import { faultText } from './states.tsx'

/** Why something was refused, in the hub's words, with a line for each part of it that is wrong. Its place is there from the beginning, so that it is read out. */
export function Problem({ fault }: { fault: unknown }) {
  const details = fault instanceof HubError ? fault.details : []
  return (
    <div role="alert" class="problem">
      {fault !== null && <p>{faultText(fault)}</p>}
      {details.length > 0 && (
        <ul class="details">
          {details.map(line => (
            <li key={line}>{line.replace(/^body\//, '')}</li>
          ))}
        </ul>
      )}
    </div>
  )
}
