import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import { deletedAtOnce } from './let-go.js'
import { longestDayMs } from './rollup-rows.js'

const daysAtOnce = 20

interface Day {
  readonly device_num: number
  readonly start: number
  readonly end: number
}

const isInDay = sql`hour.device_num = day.device_num and hour.start >= day.start and hour.start < day.end`
/** Whether there is more to a day than its rollups by hour. */
const holdsMore = sql`exists (select 1 from telemetry_hours as hour where ${isInDay} and hour.state not in (3, 4))`
const isListed = (list: string) =>
  sql`(day.device_num, day.start) in (select value ->> 0, value ->> 1 from json_each(${list}))`

/**
 * Lets go of rollups by hour of days that stand for them, when nothing finer is left: in one transaction it is said of the day and its hours, then
 * they are deleted in steps. @param before milliseconds since 1970. @returns how many rows were deleted; null when there are none to go
 */
export async function letGoOfHours(db: Db, devices: readonly number[], before: number): Promise<number | null> {
  const days = await daysWith(db, devices, 0, before)
  if (days.length > 0) {
    const list = JSON.stringify(days.map(({ device_num, start }) => [device_num, start]))
    await db.transaction().execute(async tx => {
      await sql`update telemetry_days as day set state = 1
        where ${isListed(list)} and state = 0 and not ${holdsMore}`.execute(tx)
      await sql`update telemetry_hours as hour set state = 6 from telemetry_days as day where ${isListed(list)} and day.state = 1
        and ${isInDay}`.execute(tx)
    })
  }
  const going = await daysWith(db, devices, 1, Number.MAX_SAFE_INTEGER)
  if (going.length === 0) return null
  const list = JSON.stringify(going.map(({ device_num, start, end }) => [device_num, start, end]))
  const deleted = await inSteps(deletedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from rollups_1h where (device_num, field_num, start) in
      (select one.device_num, one.field_num, one.start from json_each(${list}) as day
      cross join telemetry_fields as field on field.device_num = day.value ->> 0
      cross join rollups_1h as one on one.device_num = field.device_num and one.field_num = field.field_num
        and one.start >= day.value ->> 1 and one.start < day.value ->> 2 limit ${most})`.execute(db)
    return numAffectedRows
  })
  await sql`update telemetry_days as day set state = 2 where ${isListed(list)} and state = 1`.execute(db)
  return deleted
}

/**
 * Lets go of days that nothing finer is left of, and of hours that no day stands for, as where midnight is not on the hour.
 * @param before milliseconds since 1970. @returns how many of them went; null when there are none to go
 */
export async function letGoOfDays(db: Db, devices: readonly number[], before: number): Promise<number | null> {
  const days = await daysWith(db, devices, 2, before)
  const list = JSON.stringify(days.map(({ device_num, start }) => [device_num, start]))
  if (days.length > 0)
    await db.transaction().execute(async tx => {
      await deleteAt(tx, 'rollups_1d', list)
      await sql`delete from telemetry_hours as hour where state = 6 and exists
        (select 1 from telemetry_days as day where ${isListed(list)} and ${isInDay})`.execute(tx)
      await sql`delete from telemetry_days as day where ${isListed(list)}`.execute(tx)
    })
  const hours = await letGoOfLoneHours(db, devices, before - longestDayMs)
  return days.length + hours > 0 ? days.length + hours : null
}

/** @param state of telemetry_days */
async function daysWith(db: Db, devices: readonly number[], state: number, before: number): Promise<readonly Day[]> {
  const { rows } =
    await sql<Day>`select day.device_num, day.start, day.end from json_each(${JSON.stringify(devices)}) as device
    cross join telemetry_days as day indexed by telemetry_days_aged on day.device_num = device.value and day.state = ${state}
      and day.end <= ${before}
    where day.state > 0 or not ${holdsMore} limit ${daysAtOnce}`.execute(db)
  return rows
}

async function letGoOfLoneHours(db: Db, devices: readonly number[], before: number): Promise<number> {
  const { rows } = await sql<Pick<Day, 'device_num' | 'start'>>`select hour.device_num, hour.start
    from json_each(${JSON.stringify(devices)}) as device cross join telemetry_hours as hour on hour.device_num = device.value
      and hour.start < ${before} and hour.state in (3, 4)
    where not exists (select 1 from telemetry_days as day where ${isInDay} and day.start > hour.start - ${longestDayMs})
    limit ${daysAtOnce}`.execute(db)
  if (rows.length === 0) return 0
  const list = JSON.stringify(rows.map(({ device_num, start }) => [device_num, start]))
  await db.transaction().execute(async tx => {
    await deleteAt(tx, 'rollups_1h', list)
    await sql`delete from telemetry_hours where state in (3, 4)
      and (device_num, start) in (select value ->> 0, value ->> 1 from json_each(${list}))`.execute(tx)
  })
  return rows.length
}

/** One row a field: few. */
const deleteAt = (tx: Db, table: 'rollups_1h' | 'rollups_1d', list: string) =>
  sql`delete from ${sql.table(table)} where (device_num, field_num, start) in
    (select field.device_num, field.field_num, place.value ->> 1 from json_each(${list}) as place
    cross join telemetry_fields as field on field.device_num = place.value ->> 0)`.execute(tx)
