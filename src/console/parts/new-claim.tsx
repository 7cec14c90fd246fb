import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import { zoneOf } from '../state/homes.ts'
import { takeBack } from './claims-panel.tsx'
import { Confirm } from './confirm.tsx'
import { Panel } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'
import { ToldOnce } from './told-once.tsx'

/** A claim code that was just made, as text and as a QR code. */
export function NewClaim({ claim, code, qr_svg }: Answer<'POST /homes/{id}/claim-codes'>) {
  const [isGone, setGone] = useState(false)
  const run = async () => {
    await takeBack(claim)
    setGone(true)
  }
  if (isGone) return <Empty>The code was taken back: no device can use it.</Empty>
  return (
    <Panel id="code" title="A code for one device">
      <div class="stack">
        <ToldOnce label="Claim code" secret={code}>
          <img class="qr" alt={`QR code of ${code}`} src={`data:image/svg+xml,${encodeURIComponent(qr_svg)}`} />
        </ToldOnce>
        <p>
          One device may exchange it once for a key of its own, until{' '}
          <Time at={claim.expires_at} zone={zoneOf(claim.home_id)} />. The device then appears in its home by itself.
        </p>
        <div>
          <Confirm action="Take it back" about="the claim code" title="Take the code back?" run={run}>
            No device can use it from then on.
          </Confirm>
        </div>
      </div>
    </Panel>
  )
}
