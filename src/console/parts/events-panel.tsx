import type { Device, Event } from '../../client/routes.js'
import { useFollowed } from '../state/read.ts'
import { isBelievable, isObject, parsed } from '../state/readings.ts'
import { session } from '../state/session.ts'
import { labelOf, valueText } from '../state/words.ts'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

const shown = 20
type Row = Pick<Event, 'kind' | 'ts' | 'data'>

/** What happened to the device, the newest first. */
export function EventsPanel({ device: { id, home_id }, zone }: { device: Device; zone: string }) {
  const events = useFollowed<readonly Row[]>(id, {
    filters: [`homes/${home_id}/devices/${id}/event`],
    read: async () =>
      (await session.call('GET /devices/{id}/events', { params: { id }, query: { limit: shown } })).events,
    heard: (known, { payload }) => {
      const data = parsed(payload)
      const now = Date.now()
      const ts = isObject(data) && isBelievable(data.ts, now) ? data.ts : now
      return [{ kind: 'event', ts, data }, ...known].slice(0, shown)
    },
  })
  return (
    <Panel id="events" title="Events">
      <Read value={events.value} again={events.again}>
        {rows =>
          rows.length === 0 ? (
            <Empty>This device has told of no event.</Empty>
          ) : (
            <ul class="lines">
              {rows.map(({ kind, ts, data }, index) => (
                <li key={`${ts} ${index}`} class="event">
                  <span class="line-name">{nameOf(kind, data)}</span>
                  <span class="muted">{detailOf(data)}</span>
                  <Time at={ts} zone={zone} />
                </li>
              ))}
            </ul>
          )
        }
      </Read>
    </Panel>
  )
}

/** Most devices say what happened as `type`. */
const nameOf = (kind: string, data: unknown) =>
  labelOf(isObject(data) && typeof data.type === 'string' ? data.type : kind)

function detailOf(data: unknown): string {
  if (!isObject(data)) return data === undefined || data === null ? '' : valueText(data)
  const rest = Object.entries(data).filter(([name]) => name !== 'type' && name !== 'ts')
  return rest.map(([name, value]) => `${labelOf(name)}: ${valueText(value)}`).join(', ')
}
