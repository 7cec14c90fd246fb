import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'
import { hourMs, hourStates, maxFields } from './rollup-rows.js'

/** The hours before which samples, and rollups by minute, say nothing of a field any more. */
export interface Gone {
  readonly raw_from: number
  readonly minutes_from: number
}

/** What is kept of a device in a range, as of one moment. */
export interface Known {
  /** The part of the range that holds samples, or did; empty when there are none. */
  readonly range: TimeRange
  /** The fields asked for, those that ever occurred. */
  readonly fields: ReadonlyMap<string, Gone & { readonly field_num: number }>
  /** The device has as many fields as are rolled up: others may have occurred all the same. */
  readonly full: boolean
  /** Days that are rolled up, in order; one that stands alone has nothing finer left. */
  readonly days: readonly (TimeRange & { readonly alone: boolean })[]
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
  const daysWithin = sql`(select json_group_array(json_array(start, end, state)) from (select start, end, state from telemetry_days
      where ${within} and (end <= ${end_time} or state > 0) order by start))`
  const ends = [start_time, end_time].map(time => time - (time % hourMs))
  const { rows } = await sql<
    Record<'fields' | 'open' | 'ends', string> & { full: number; days: string | null } & TimeRange
  >`select
    max(${start_time}, min(ifnull((select min(start) from telemetry_hours where device_num = ${device_num}), ${end_time}),
      ifnull((select min(start) from telemetry_days where device_num = ${device_num}), ${end_time}))) as start_time,
    min(${end_time}, ifnull((select max(start) + ${hourMs} from telemetry_hours where device_num = ${device_num}), 0)) as end_time,
    (select json_group_array(json_array(name, field_num, raw_from, minutes_from)) from telemetry_fields
      where device_num = ${device_num} and name in (${sql.join(fields)})) as fields,
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
    fields: new Map(
      read<[string, number, number, number]>(row?.fields).map(([name, field_num, raw_from, minutes_from]) => [
        name,
        { field_num, raw_from, minutes_from },
      ]),
    ),
    full: row?.full === 1,
    days: read<[number, number, number]>(row?.days).map(([start, end, state]) => ({
      start_time: start,
      end_time: end,
      alone: state > 0,
    })),
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
