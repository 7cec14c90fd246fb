import { HubError } from '../errors.js'
import type { PresenceStatus } from '../inbound.js'
import type { Db } from '../store/store.js'
import { type Bucket, calendarBuckets, checkTimezone } from '../telemetry/windows.js'
import { changesWithin } from './timeline.js'

/** What is known of a day, or of many, in milliseconds. Sleeping counts as up. */
interface Times {
  readonly online_ms: number
  readonly sleeping_ms: number
  readonly offline_ms: number
  /** Rounded down to two digits: 100 means that it was never offline. */
  readonly uptime_percent: number
}

/** `start` is the day's, milliseconds since 1970. */
type Day = Times & { readonly start: number }

interface UptimeQuery {
  readonly start_time: number
  readonly end_time: number
  /** IANA name; days begin at its midnight. */
  readonly timezone: string
}

const dayMs = 86_400_000
const maxDays = 366

/**
 * How long a device was online, asleep and offline on each day of `[start_time, end_time)`, as far as that is known: not before its first
 * known change, not after `now`. Days of which nothing is known are left out.
 * @returns the days, oldest first, and all of them together, null when there are none
 * @throws HubError `invalid_request` when the range has more than 366 days or there is no such time zone
 */
export async function uptime(
  db: Db,
  device_id: string,
  { start_time, end_time, timezone }: UptimeQuery,
  now: number,
): Promise<{ days: Day[]; total: Times | null }> {
  if (end_time - start_time > maxDays * dayMs)
    throw new HubError('invalid_request', `The range has more than ${maxDays} days.`)
  checkTimezone(timezone)
  const range = { start_time, end_time: Math.min(end_time, now) }
  if (range.end_time <= start_time) return { days: [], total: null }
  const changes = await changesWithin(db, device_id, range)
  const buckets = calendarBuckets({ kind: 'calendar', unit: 'd', count: 1 }, timezone, start_time, range.end_time)
  return tally(changes, buckets, range)
}

interface Change {
  readonly at: number
  readonly status: PresenceStatus
}

/** What the changes, oldest first, come to on each day and in all. */
function tally(
  changes: readonly Change[],
  buckets: readonly Bucket[],
  range: Pick<UptimeQuery, 'start_time' | 'end_time'>,
): { days: Day[]; total: Times | null } {
  const spans = spansOf(changes, range)
  const total = nothing()
  let first = 0
  const days = buckets.flatMap(({ start, end }) => {
    const sums = nothing()
    for (let i = first; i < spans.length; i++) {
      const span = spans[i]
      if (!span || span.start >= end) break
      const ms = Math.max(0, Math.min(span.end, end) - Math.max(span.start, start))
      sums[span.status] += ms
      total[span.status] += ms
      // The last one of this day may be the first of the next.
      first = i
    }
    const times = timesOf(sums)
    return times ? { start, ...times } : []
  })
  return { days, total: timesOf(total) }
}

/** Each change holds until the next. Where the clock was set back, a change took no time, never less. */
function spansOf(changes: readonly Change[], { start_time, end_time }: Pick<UptimeQuery, 'start_time' | 'end_time'>) {
  let reached = start_time
  return changes.map(({ at, status }, i) => {
    const start = Math.max(reached, at)
    reached = Math.max(start, Math.min(end_time, changes[i + 1]?.at ?? end_time))
    return { start, end: reached, status }
  })
}

type Sums = Record<PresenceStatus, number>
const nothing = (): Sums => ({ online: 0, sleeping: 0, offline: 0 })

function timesOf({ online, sleeping, offline }: Sums): Times | null {
  const known = online + sleeping + offline
  if (known === 0) return null
  const uptime_percent = Math.floor(((online + sleeping) / known) * 10_000) / 100
  return { online_ms: online, sleeping_ms: sleeping, offline_ms: offline, uptime_percent }
}
