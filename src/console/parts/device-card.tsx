import type { LiveDevice } from '../state/homes.ts'
import { labelOf, unitOf, withUnit } from '../state/words.ts'
import { PresenceMark } from './presence.tsx'

const shown = 4

/** A device in a few words: whether it is there, and what it measures. */
export function DeviceCard({ entry }: { entry: LiveDevice }) {
  const device = entry.device.value
  const latest = Object.entries(entry.latest.value).slice(0, shown)
  return (
    <li class="card">
      <h4>
        <a href={`/devices/${device.id}`}>{device.name}</a>
      </h4>
      <PresenceMark device={device} />
      {latest.length > 0 && (
        <dl class="readings">
          {latest.map(([field, { value }]) => (
            <div key={field}>
              <dt>{labelOf(field)}</dt>
              <dd>{withUnit(value, unitOf(device, field))}</dd>
            </div>
          ))}
        </dl>
      )}
      {latest.length === 0 && <p class="none">No readings yet</p>}
    </li>
  )
}
