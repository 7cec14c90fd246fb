import type { Answer } from '../../client/client.ts'
import type { Device, Timeline, Uptime } from '../../client/routes.js'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { durationText, labelOf, valueText } from '../state/words.ts'
import { Panel, Read } from './panel.tsx'
import { words } from './presence.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

const shown = 20

type Known = Answer<'GET /devices/{id}/presence/uptime'> & { readonly timeline: readonly Timeline[] }

/** For how much of the last thirty days a device was there, and when it came and went. */
export function PresencePanel({ device: { id, presence }, zone }: { device: Device; zone: string }) {
  const read = async (): Promise<Known> => {
    const params = { id }
    const [days, { timeline }] = await Promise.all([
      session.call('GET /devices/{id}/presence/uptime', { params }),
      session.call('GET /devices/{id}/presence/timeline', { params, query: { limit: shown } }),
    ])
    return { ...days, timeline }
  }
  const known = useRead(id, read, presence)
  return (
    <Panel id="presence" title="Presence">
      <Read value={known.value} again={known.again}>
        {({ uptime, total, timeline }) =>
          total === null ? (
            <Empty>This device was never heard.</Empty>
          ) : (
            <>
              <p>
                There for {valueText(total.uptime_percent)} % of the last thirty days, as far as they are known; away
                for {durationText(total.offline_ms)}.
              </p>
              <Days uptime={uptime} />
              <Changes timeline={timeline} zone={zone} />
            </>
          )
        }
      </Read>
    </Panel>
  )
}

/** As many as are asked for when nothing is said: today is at the end, however few are known. */
const daysShown = 31
const width = 10
const height = 100

/** A bar for each day, as high as the part of it in which the device was there. */
function Days({ uptime }: { uptime: readonly Uptime[] }) {
  const known = uptime.slice(-daysShown)
  const before = Array.from({ length: daysShown - known.length }, (_, index) => index)
  return (
    <svg class="uptime" viewBox={`0 0 ${daysShown * width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {before.map(index => (
        <rect key={index} class="unknown" x={index * width} y={0} width={width - 1} height={height} />
      ))}
      {known.map(({ start, uptime_percent }, index) => (
        <g key={start} transform={`translate(${(before.length + index) * width} 0)`}>
          <rect class="track" width={width - 1} height={height} />
          <rect class="up" y={height - uptime_percent} width={width - 1} height={uptime_percent} />
        </g>
      ))}
    </svg>
  )
}

function Changes({ timeline, zone }: { timeline: readonly Timeline[]; zone: string }) {
  return (
    <details>
      <summary>When it came and went</summary>
      <ul class="lines">
        {timeline.map(({ at, status, reason, session }) => (
          <li key={`${at} ${session} ${status}`} class="event">
            <span class="line-name">{words[status]}</span>
            {reason !== null && status !== 'online' && <span class="muted">{labelOf(reason)}</span>}
            <Time at={at} zone={zone} />
          </li>
        ))}
      </ul>
    </details>
  )
}
