import { useState } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import { KeyOnce } from '../parts/key-once.tsx'
import { NewClaim } from '../parts/new-claim.tsx'
import { NewDeviceForm } from '../parts/new-device-form.tsx'
import { Panel } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { Snippets } from '../parts/snippets.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { devices, ownHomes } from '../state/homes.ts'
import { labelOf, valueText } from '../state/words.ts'

type Made = Answer<'POST /devices'>
type Claimed = Answer<'POST /homes/{id}/claim-codes'>

/** Makes a device, and shows how it connects: with its key, or with a code that it exchanges for one. */
export default function NewDevice() {
  const [made, setMade] = useState<Made | null>(null)
  const [claimed, setClaimed] = useState<Claimed | null>(null)
  const own = ownHomes()
  const isOver = made !== null || claimed !== null
  const another = () => {
    setMade(null)
    setClaimed(null)
  }
  return (
    <>
      <Title text={made ? `Connect ${made.device.name}` : claimed ? 'A code for a new device' : 'Add a device'} />
      {!isOver && (
        <Ready>
          {own.length === 0 ? (
            <Empty>You own no home, and devices are added by the owner of a home.</Empty>
          ) : (
            <NewDeviceForm homes={own} made={setMade} claimed={setClaimed} />
          )}
        </Ready>
      )}
      {made && <Connect {...made} />}
      {claimed && <NewClaim key={claimed.claim.id} {...claimed} />}
      {isOver && (
        <button type="button" class="after" onClick={another}>
          Add another device
        </button>
      )}
    </>
  )
}

function Connect({ device, api_key }: Made) {
  return (
    <>
      <Awaited id={device.id} />
      <div class="columns">
        <div>
          <Panel id="key" title="Its key">
            <KeyOnce name={device.name} api_key={api_key} />
            <p class="muted">
              It connects with <code>{device.id}</code> as client id and as user name, and with the key as password.
            </p>
          </Panel>
        </div>
        <div>
          <Panel id="connect" title="How it connects">
            <Snippets id={device.id} api_key={api_key} />
          </Panel>
        </div>
      </div>
    </>
  )
}

/** Whether the device was heard: it says so by itself. */
function Awaited({ id }: { id: string }) {
  const entry = devices.value.get(id)
  const latest = Object.entries(entry?.latest.value ?? {})
  const { presence = 'offline', last_seen_at = null } = entry?.device.value ?? {}
  const isHere = presence === 'online' || last_seen_at !== null || latest.length > 0
  return (
    <div class={isHere ? 'awaited awaited-here' : 'awaited'}>
      <div role="status">
        {isHere ? 'Connected.' : 'Waiting for its first message…'}
        {latest.map(([field, { value }]) => ` ${labelOf(field)}: ${valueText(value)}.`)}
      </div>
      {isHere && <a href={`/devices/${id}`}>To the device</a>}
    </div>
  )
}
