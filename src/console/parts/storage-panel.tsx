import type { Storage } from '../../client/routes.js'
import { bytesText } from '../state/figures.ts'
import { agoText, valueText, wholeTime, zoneHere } from '../state/words.ts'
import { Facts } from './facts.tsx'
import { Panel } from './panel.tsx'

/** How much is stored, how much may be, and when that is reached. */
export function StoragePanel({ storage, at }: { storage: Storage; at: number }) {
  const { database_bytes, used_bytes, spare_bytes, free_bytes, budget_bytes, limited_by, late_samples } = storage
  const room = limited_by === 'budget' && budget_bytes !== null ? budget_bytes : used_bytes + spare_bytes + free_bytes
  const facts = [
    ['In use', bytesText(used_bytes)],
    ['Database file', bytesText(database_bytes)],
    ['Free on the disk', bytesText(free_bytes)],
    ['Budget', budget_bytes === null ? 'none' : bytesText(budget_bytes)],
    ['Growth', growthText(storage)],
    ['Full', forecastText(storage, at)],
    ['Readings not kept', valueText(late_samples)],
  ] as const
  const percent = Math.round((used_bytes / Math.max(1, room)) * 100)
  return (
    <Panel id="storage" title="Storage">
      <meter class="meter" min={0} max={room} value={used_bytes} aria-label="In use of what there is" />
      <p>
        {percent < 1 ? 'Less than 1' : percent} % of the {limited_by === 'budget' ? 'budget' : 'disk'}
      </p>
      <Facts facts={facts} />
    </Panel>
  )
}

function growthText({ bytes_per_day }: Storage): string {
  if (bytes_per_day === null) return 'known after the first hour'
  return bytes_per_day <= 0 ? 'none' : `${bytesText(bytes_per_day)} a day`
}

function forecastText({ full_at }: Storage, at: number): string {
  if (full_at === null) return 'not in sight'
  return full_at <= at ? `since ${agoText(full_at, at)}` : wholeTime(full_at, zoneHere)
}
