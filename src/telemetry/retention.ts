import { sql } from 'kysely'
import { retentionOf } from '../../config/retention.js'
import type { Db } from '../store/store.js'
import { type Grain, type HourOf, hoursWith, isQuiet, letGo, letGoOfLeft } from './let-go.js'
import { hourMs, hourStates } from './rollup-rows.js'

/** Hours that are let go of in one go: more would take long where there are many samples in each. */
const hoursAtOnce = 20

/** Devices to which the same texts apply. */
interface Rule {
  readonly of_device: string | null
  readonly of_home: string | null
}

interface ClosedHour extends HourOf {
  readonly state: number
}

/**
 * Lets go of samples, and of rollups by minute, that are older than the retention of their device, else of its home, else of the hub. The
 * samples of an hour go when it is rolled up; one that is to be known by the minute afterwards is given its minutes first, and goes at a later
 * run.
 * @param retention the hub's, like `raw=30d,1m=1y`
 * @param now milliseconds since 1970
 * @param isOver ends it early: the rest goes at a later run
 * @returns how many rows went
 */
export async function applyRetention(db: Db, retention: string, now: number, isOver: () => boolean): Promise<number> {
  let rows = await letGoOfLeft(db)
  for (const rule of await rulesOf(db)) {
    const kept = retentionOf(retention, rule.of_home, rule.of_device)
    const minutesUntil = now - kept['1m'] - hourMs
    const samples = (hours: readonly ClosedHour[]) => letGoOfSamples(db, hours, minutesUntil)
    rows += await eachAged(db, 'samples', rule, { until: now - kept.raw - hourMs, now }, isOver, samples)
    const minutes = (hours: readonly ClosedHour[]) => letGo(db, 'minutes', hours)
    rows += await eachAged(db, 'minutes', rule, { until: minutesUntil, now }, isOver, minutes)
  }
  return rows
}

const rulesOf = (db: Db): Promise<Rule[]> =>
  db
    .selectFrom('devices')
    .innerJoin('homes', 'homes.id', 'devices.home_id')
    .select(['devices.retention as of_device', 'homes.retention as of_home'])
    .distinct()
    .execute()

/** @param minutesUntil the last hour whose rollups by minute are too old to be kept */
async function letGoOfSamples(db: Db, hours: readonly ClosedHour[], minutesUntil: number): Promise<number> {
  const coarse = new Set(hours.filter(({ state, start }) => state === hourStates.closed && start > minutesUntil))
  if (coarse.size > 0) await wantMinutes(db, [...coarse])
  return letGo(
    db,
    'samples',
    hours.filter(hour => !coarse.has(hour)),
  )
}

/** The writer makes them (rollups.ts). */
const wantMinutes = (db: Db, hours: readonly HourOf[]) =>
  sql`update telemetry_hours set state = ${hourStates.minutesWanted} where state = ${hourStates.closed} and (device_num, start) in
    (select value ->> 'device_num', value ->> 'start' from json_each(${JSON.stringify(hours)}))`.execute(db)

/** Hands on what is old enough, a few hours at a time. It ends: what is handed on is old no longer. @returns the sum of the answers */
async function eachAged(
  db: Db,
  grain: Grain,
  rule: Rule,
  { until, now }: { until: number; now: number },
  isOver: () => boolean,
  take: (hours: readonly ClosedHour[]) => Promise<number>,
): Promise<number> {
  let sum = 0
  if (!Number.isFinite(until)) return sum
  while (!isOver()) {
    const hours = await agedHours(db, grain, rule, until, now)
    if (hours.length > 0) sum += await take(hours)
    if (hours.length < hoursAtOnce) break
  }
  return sum
}

async function agedHours(db: Db, grain: Grain, rule: Rule, until: number, now: number): Promise<readonly ClosedHour[]> {
  const { source, states } = hoursWith(grain)
  const { rows } = await sql<ClosedHour>`select device_num, start, hour.state
    from devices join homes on homes.id = devices.home_id cross join ${source} on device_num = num and ${states} and start <= ${until}
    where devices.retention is ${rule.of_device} and homes.retention is ${rule.of_home} and ${isQuiet(now)}
    limit ${hoursAtOnce}`.execute(db)
  return rows
}
