import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'
import { hourMs, hourStates, maxFields } from './rollup-rows.js'

/** What is kept of a device in a range, as of one moment. */
export interface Known {
  /** The part of the range that holds samples, or did; empty when there are none. */
  readonly range: TimeRange
  /** The numbers of the fields asked for, those that ever occurred. */
  readonly field_nums: ReadonlyMap<string, number>
  /** The device has as many fields as are rolled up: others may have occurred all the same. */
  readonly full: boolean
  /** Days that are rolled up, in order. */
  readonly days: readonly TimeRange[]
  /** States of the hours that hold samples: of the open ones, and of those in which the range begins and ends. */
  readonly states: ReadonlyMap<number, number>
}

/** States of hours by their beginnings, in JSON. */
const states = sql`json_group_array(json_array(start, state))`
/** SQLite would look at all hours. */
const openHours = sql`telemetry_hours indexed by telemetry_hours_open`

/** Finds it with one statement. @param days whether days are of use */
export async function knownOf(
  db: Db,
  device_num: number,
  { start_time, end_time, fields, days }: TimeRange & { readonly fields: readonly string[]; readonly days: boolean },
): Promise<Known> {
  const within = sql`device_num = ${device_num} and start >= ${start_time} and start < ${end_time}`
  const daysWithin = sql`(select json_group_array(json_array(start, end)) from (select start, end from telemetry_days
      where ${within} and end <= ${end_time} order by start))`
  const ends = [start_time, end_time].map(time => time - (time % hourMs))
  const { rows } = await sql<
    Record<'field_nums' | 'open' | 'ends', string> & { full: number; days: string | null } & TimeRange
  >`select
    max(${start_time}, ifnull((select min(start) from telemetry_hours where device_num = ${device_num}), ${end_time})) as start_time,
    min(${end_time}, ifnull((select max(start) + ${hourMs} from telemetry_hours where device_num = ${device_num}), 0)) as end_time,
    (select json_group_array(json_array(name, field_num)) from telemetry_fields
      where device_num = ${device_num} and name in (${sql.join(fields)})) as field_nums,
    (select count(*) from telemetry_fields where device_num = ${device_num}) >= ${maxFields} as "full",
    ${days ? daysWithin : null} as days,
    (select ${states} from ${openHours} where ${within} and state in (0, 5) and state = ${hourStates.open}) as open,
    (select ${states} from telemetry_hours where device_num = ${device_num} and start in (${sql.join(ends)})) as ends`.execute(
    db,
  )
  const [row] = rows
  const read = <Item>(text: string | null | undefined): Item[] => JSON.parse(text ?? '[]')
  return {
    range: row && row.start_time < row.end_time ? row : { start_time, end_time: start_time },
    field_nums: new Map(read<[string, number]>(row?.field_nums)),
    full: row?.full === 1,
    days: read<[number, number]>(row?.days).map(([start, end]) => ({ start_time: start, end_time: end })),
    states: new Map([...read<[number, number]>(row?.open), ...read<[number, number]>(row?.ends)]),
  }
}

/** The states of these hours, of those that hold samples. */
export async function statesOf(db: Db, device_num: number, hours: readonly number[]): Promise<[number, number][]> {
  if (hours.length === 0) return []
  const { rows } = await sql<{ states: string }>`select ${states} as states from telemetry_hours
    where device_num = ${device_num} and start in (select value from json_each(${JSON.stringify(hours)}))`.execute(db)
  return JSON.parse(rows[0]?.states ?? '[]')
}
