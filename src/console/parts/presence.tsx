import type { Device } from '../../client/routes.js'
import { now } from '../state/clock.ts'
import { agoText } from '../state/words.ts'

export const words = { online: 'Online', offline: 'Offline', sleeping: 'Asleep' } as const

/** Whether a device is there; of one that is not, since when. Never by colour alone. */
export function PresenceMark({ device }: { device: Pick<Device, 'presence' | 'last_seen_at'> }) {
  const { presence, last_seen_at } = device
  const since =
    presence === 'online' ? '' : last_seen_at === null ? ', never heard' : `, ${agoText(last_seen_at, now.value)}`
  // One text: an empty one of its own would be written anew at every drawing.
  return <span class={`presence presence-${presence}`}>{`${words[presence]}${since}`}</span>
}
