import type { Device, Heartbeat } from '../../client/routes.js'
import { bytesText } from '../state/figures.ts'
import { useFollowed } from '../state/read.ts'
import { isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { durationText, labelOf, valueText } from '../state/words.ts'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Ago, Time } from './time.tsx'

const shown = 20
type Beat = Pick<Heartbeat, 'received_at' | 'vitals'>

/** What a device last said of its own health, and before. */
export function HeartbeatsPanel({ device: { id, home_id }, zone }: { device: Device; zone: string }) {
  const beats = useFollowed<readonly Beat[]>(id, {
    filters: [`homes/${home_id}/devices/${id}/heartbeat`],
    read: async () =>
      (await session.call('GET /devices/{id}/heartbeats', { params: { id }, query: { limit: shown } })).heartbeats,
    heard: (known, { payload }) => {
      const vitals = parsed(payload)
      return isObject(vitals) ? [{ received_at: Date.now(), vitals }, ...known].slice(0, shown) : known
    },
  })
  return (
    <Panel id="heartbeats" title="Health">
      <Read value={beats.value} again={beats.again}>
        {([newest, ...older]) =>
          newest ? (
            <>
              <Vitals {...newest} zone={zone} />
              {older.length > 0 && <Older beats={older} zone={zone} />}
            </>
          ) : (
            <Empty>This device has sent no heartbeat.</Empty>
          )
        }
      </Read>
    </Panel>
  )
}

const texts: ReadonlyMap<string, (value: unknown) => string> = new Map([
  ['battery', (value: unknown) => `${valueText(value)} %`],
  ['rssi', (value: unknown) => `${valueText(value)} dBm`],
  ['free_heap', (value: unknown) => (typeof value === 'number' ? bytesText(value) : valueText(value))],
  ['uptime', (value: unknown) => (typeof value === 'number' ? durationText(value * 1000, 'narrow') : valueText(value))],
  ['next_in', (value: unknown) => (typeof value === 'number' ? durationText(value, 'narrow') : valueText(value))],
])
const names: ReadonlyMap<string, string> = new Map([
  ['rssi', 'Signal'],
  ['uptime', 'Runs for'],
  ['next_in', 'Sleeps for'],
])

const told = (vitals: Beat['vitals']) => Object.entries(vitals).filter(([, value]) => value !== null)
const nameOf = (vital: string) => names.get(vital) ?? labelOf(vital)
const textOf = (vital: string, value: unknown) => texts.get(vital)?.(value) ?? valueText(value)

function Vitals({ received_at, vitals, zone }: Beat & { zone: string }) {
  return (
    <>
      <dl class="tiles">
        {told(vitals).map(([vital, value]) => (
          <div key={vital}>
            <dt>{nameOf(vital)}</dt>
            <dd>{textOf(vital, value)}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">
        Said <Ago at={received_at} zone={zone} />
      </p>
    </>
  )
}

function Older({ beats, zone }: { beats: readonly Beat[]; zone: string }) {
  return (
    <details>
      <summary>Heartbeats before</summary>
      <ul class="lines">
        {beats.map(({ received_at, vitals }, index) => (
          <li key={`${received_at} ${index}`} class="event">
            <span class="muted">
              {told(vitals)
                .map(([vital, value]) => `${nameOf(vital)}: ${textOf(vital, value)}`)
                .join(', ')}
            </span>
            <Time at={received_at} zone={zone} />
          </li>
        ))}
      </ul>
    </details>
  )
}
