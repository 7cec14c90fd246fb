import type { Claim } from '../../client/routes.js'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { Confirm } from './confirm.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

export async function takeBack({ id: claim_id, home_id: id }: Claim): Promise<void> {
  await session.call('DELETE /homes/{id}/claim-codes/{claim_id}', { params: { id, claim_id } })
}

/** The codes of a home that no device has used yet. */
export function ClaimsPanel({ home_id: id, zone }: { home_id: string; zone: string }) {
  const claims = useRead(id, async () => (await session.call('GET /homes/{id}/claim-codes', { params: { id } })).claims)
  return (
    <Panel id="claims" title="Claim codes">
      <Read value={claims.value} again={claims.again}>
        {rows =>
          rows.length === 0 ? (
            <Empty>No code waits for its device.</Empty>
          ) : (
            <ul class="lines">
              {rows.map(claim => (
                <ClaimLine key={claim.id} claim={claim} zone={zone} changed={claims.again} />
              ))}
            </ul>
          )
        }
      </Read>
      <a href="/add-device">Make one for a new device</a>
    </Panel>
  )
}

interface ClaimOptions {
  readonly claim: Claim
  readonly zone: string
  readonly changed: () => Promise<void>
}

function ClaimLine({ claim, zone, changed }: ClaimOptions) {
  const name = claim.name ?? claim.id
  const run = async () => {
    await takeBack(claim)
    await changed()
  }
  return (
    <li class="thing">
      <span class="thing-about">
        <span class="line-name">{name}</span>{' '}
        <span class="muted">
          good until <Time at={claim.expires_at} zone={zone} />
        </span>
      </span>
      <Confirm action="Take back" about={`the code of ${name}`} title="Take the code back?" run={run}>
        No device can use it from then on.
      </Confirm>
    </li>
  )
}
