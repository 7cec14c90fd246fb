import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import { hourMs } from './rollup-rows.js'

/** Rows that one statement deletes, some 10 ms of the writer: other writes get in between. */
const deletedAtOnce = 2000

/** An hour whose newest sample came just now may get more, from a device that was away; once its samples are gone they could not be kept. */
const quietMs = hourMs

export interface HourOf {
  readonly device_num: number
  readonly start: number
}

/** What of an hour can go while the rest stays: its samples, then its rollups by minute. */
export type Grain = 'samples' | 'minutes'

/** The states of hours that have it and are closed, as the index of theirs has them, and the state that each has without it. */
const grains = {
  samples: {
    index: sql`telemetry_hours_held`,
    states: sql`state in (1, 2)`,
    without: sql`case state when 2 then 4 else 3 end`,
    parts: [
      (hours: string, most: number) => sql`delete from samples where (device_num, ts) in
        (select device_num, ts from json_each(${hours}) as hour cross join samples on device_num = hour.value ->> 0
        and ts >= hour.value ->> 1 and ts < (hour.value ->> 1) + ${hourMs} limit ${most}) returning 1 as held`,
      (hours: string, most: number) => sql`delete from sample_blocks where rowid in
        (select block.rowid from json_each(${hours}) as hour cross join sample_blocks as block on device_num = hour.value ->> 0
        and end >= hour.value ->> 1 and end < (hour.value ->> 1) + ${hourMs} limit ${most}) returning samples as held`,
    ],
  },
  minutes: {
    index: sql`telemetry_hours_minutes`,
    states: sql`state in (2, 4)`,
    without: sql`case state when 2 then 1 else 3 end`,
    parts: [
      (hours: string, most: number) => sql`delete from rollups_1m where (device_num, field_num, start) in
        (select field.device_num, field.field_num, minute.start from json_each(${hours}) as hour
        cross join telemetry_fields as field on field.device_num = hour.value ->> 0
        cross join rollups_1m as minute on minute.device_num = field.device_num and minute.field_num = field.field_num
        and minute.start >= hour.value ->> 1 and minute.start < (hour.value ->> 1) + ${hourMs} limit ${most}) returning 1 as held`,
    ],
  },
} as const

/** The closed hours that have a grain, in SQL: the table, named hour, and which of it. */
export const hoursWith = (grain: Grain) => ({
  source: sql`telemetry_hours as hour indexed by ${grains[grain].index}`,
  states: grains[grain].states,
})

/** Whether the newest sample of an hour, if it has any, came some time ago. */
export const isQuiet = (now: number) => sql`ifnull((select ts + delay from samples
    where samples.device_num = hour.device_num and ts >= start and ts < start + ${hourMs} order by ts desc limit 1), 0) <= ${now - quietMs}`

/**
 * Lets go of a grain of these hours, where they are closed: first it is said that it is gone, so that rollups answer, then it is deleted in steps.
 * @returns how many rows were deleted
 */
export async function letGo(db: Db, grain: Grain, hours: readonly HourOf[]): Promise<number> {
  const { states, without } = grains[grain]
  const { rows } =
    await sql<HourOf>`update telemetry_hours set state = ${without} where ${states} and (device_num, start) in
    (select value ->> 0, value ->> 1 from json_each(${listed(hours)})) returning device_num, start`.execute(db)
  return remove(db, grain, rows)
}

/** Deletes what is left where a deletion was interrupted. @returns how many rows were deleted */
export async function letGoOfLeft(db: Db): Promise<number> {
  for (let total = 0; ; ) {
    // Samples go from the oldest on: where some are left of an hour, the device has none before them.
    const { rows } =
      await sql<HourOf>`select device_num, start from devices cross join telemetry_hours as hour on device_num = num
      and start = (select min(first) - min(first) % ${hourMs} from (select min(ts) as first from samples where device_num = num
        union all select min(end) from sample_blocks where device_num = num))
      where hour.state in (3, 4)`.execute(db)
    if (rows.length === 0) return total
    total += await remove(db, 'samples', rows)
  }
}

async function remove(db: Db, grain: Grain, hours: readonly HourOf[]): Promise<number> {
  let total = 0
  if (hours.length === 0) return total
  for (const part of grains[grain].parts) {
    await inSteps(deletedAtOnce, async most => {
      const { rows } = await sql<{ held: number }>`${part(listed(hours), most)}`.execute(db)
      total += rows.reduce((sum, { held }) => sum + held, 0)
      return BigInt(rows.length)
    })
  }
  return total
}

const listed = (hours: readonly HourOf[]) => JSON.stringify(hours.map(({ device_num, start }) => [device_num, start]))
