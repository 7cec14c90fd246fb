import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import { hourMs, hourStates } from './rollup-rows.js'

/** Rows that one statement deletes, some 10 ms of the writer: other writes get in between. */
export const deletedAtOnce = 2000

/** An hour whose newest sample came just now may get more, from a device that was away; once its samples are gone they could not be kept. */
const quietMs = hourMs

/** Hours that are looked after in one go. */
const leftAtOnce = 20

export interface HourOf {
  readonly device_num: number
  readonly start: number
}

/** The closed hours that have samples, in SQL: the table, named hour, and which of it. */
export const heldHours = {
  source: sql`telemetry_hours as hour indexed by telemetry_hours_held`,
  states: sql`state in (1, 2)`,
}

/** Whether the newest sample of an hour, if it has any, came some time ago. */
export const isQuiet = (now: number) => sql`ifnull((select ts + delay from samples
    where samples.device_num = hour.device_num and ts >= start and ts < start + ${hourMs} order by ts desc limit 1), 0) <= ${now - quietMs}`

/**
 * Lets go of the samples of these hours, where they are closed: first it is said that they are gone, so that rollups answer, then they are deleted
 * in steps.
 * @returns how many were deleted
 */
export async function letGo(db: Db, hours: readonly HourOf[]): Promise<number> {
  const { rows } =
    await sql<HourOf>`update telemetry_hours set state = case state when 2 then 4 else 3 end, pack_at = 0 where ${heldHours.states} and (device_num, start) in
    (select value ->> 0, value ->> 1 from json_each(${listed(hours)})) returning device_num, start`.execute(db)
  return remove(db, rows)
}

/** The writer makes them (rollups.ts). */
export const wantMinutes = (db: Db, hours: readonly HourOf[]) =>
  sql`update telemetry_hours set state = ${hourStates.minutesWanted} where state = ${hourStates.closed} and (device_num, start) in
    (select value ->> 0, value ->> 1 from json_each(${listed(hours)}))`.execute(db)

/** Deletes what is left where a deletion was interrupted. @returns how many samples were deleted */
export async function letGoOfLeft(db: Db): Promise<number> {
  for (let total = 0; ; ) {
    const { rows } = await sql<HourOf>`select device_num, start from telemetry_hours indexed by telemetry_hours_left
      where state in (3, 4, 6) and pack_at is not null limit ${leftAtOnce}`.execute(db)
    if (rows.length === 0) return total
    total += await remove(db, rows)
  }
}

/** Deletes the samples of hours that say they are gone, and last of all notes that none are left. */
async function remove(db: Db, hours: readonly HourOf[]): Promise<number> {
  let total = 0
  if (hours.length === 0) return total
  for (const part of parts) {
    await inSteps(deletedAtOnce, async most => {
      const { rows } = await sql<{ held: number }>`${part(listed(hours), most)}`.execute(db)
      total += rows.reduce((sum, { held }) => sum + held, 0)
      return BigInt(rows.length)
    })
  }
  await sql`update telemetry_hours set pack_at = null where state in (3, 4, 6) and (device_num, start) in
    (select value ->> 0, value ->> 1 from json_each(${listed(hours)}))`.execute(db)
  return total
}

const parts = [
  (hours: string, most: number) => sql`delete from samples where (device_num, ts) in
    (select device_num, ts from json_each(${hours}) as hour cross join samples on device_num = hour.value ->> 0
    and ts >= hour.value ->> 1 and ts < (hour.value ->> 1) + ${hourMs} limit ${most}) returning 1 as held`,
  (hours: string, most: number) => sql`delete from sample_blocks where rowid in
    (select block.rowid from json_each(${hours}) as hour cross join sample_blocks as block on device_num = hour.value ->> 0
    and end >= hour.value ->> 1 and end < (hour.value ->> 1) + ${hourMs} limit ${most}) returning samples as held`,
]

const listed = (hours: readonly HourOf[]) => JSON.stringify(hours.map(({ device_num, start }) => [device_num, start]))
