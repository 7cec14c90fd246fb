import type { Stats } from '../../client/routes.js'
import { bytesText } from '../state/figures.ts'
import { isObject } from '../state/readings.ts'
import { durationText, labelOf, valueText } from '../state/words.ts'
import { Facts } from './facts.tsx'
import { Panel } from './panel.tsx'

/** What the broker has counted since the hub was started, and what the process takes. */
export function BrokerPanel({ stats: { broker, uptime_seconds, memory } }: { stats: Stats }) {
  const entries = Object.entries(broker)
  const counts = entries.filter(([, value]) => typeof value === 'number')
  const reasons = entries.flatMap(([name, value]) =>
    isObject(value) ? Object.entries(value).map(([reason, count]) => [`${name}: ${reason}`, count] as const) : [],
  )
  const facts: readonly (readonly [string, string])[] = [
    ['Up', durationText(uptime_seconds * 1000)],
    ...Object.entries(memory).map(([name, bytes]) => [memoryName(name), bytesText(bytes)] as const),
    ...[...counts, ...reasons].map(([name, value]) => [labelOf(name), countText(name, value)] as const),
  ]
  return (
    <Panel id="broker" title="Broker">
      <Facts facts={facts} />
    </Panel>
  )
}

const memoryName = (name: string) => `Memory, ${labelOf(name.replace(/_bytes$/, '')).toLowerCase()}`

const countText = (name: string, value: unknown) =>
  name.startsWith('bytes') && typeof value === 'number' ? bytesText(value) : valueText(value)
