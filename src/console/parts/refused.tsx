import { HubError } from '../../errors.ts'
import { faultText } from './states.tsx'

/** What was wrong with what was sent, line by line; its place is there from the beginning, so that it is read out. */
export function Refused({ fault }: { fault: unknown }) {
  const details = fault instanceof HubError ? fault.details : []
  return (
    <div role="alert" class="problem">
      {fault !== null && faultText(fault)}
      {details.length > 0 && (
        <ul>
          {details.map(line => (
            <li key={line}>{line.replace(/^body\//, '')}</li>
          ))}
        </ul>
      )}
    </div>
  )
}
