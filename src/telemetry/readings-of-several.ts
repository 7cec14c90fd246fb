import { sql } from 'kysely'
import { HubError } from '../errors.js'
import { decodeCursor, encodeCursor } from '../page.js'
import { fitting, heldIn, maxPageBytes } from '../store/pages.js'
import type { Db } from '../store/store.js'
import { hasOneOf, type Reading, type ReadingsQuery, readingOf, type Shown, type TimeRange } from './readings.js'
import { merged, type Order, type Part, stepsOf } from './steps.js'

/** What identifies a sample (D8), and the place where a page ends. */
interface Place {
  readonly device_num: number
  readonly ts: number
}

/** The sample of one device among those of several. */
interface ReadingOfOne extends Reading {
  readonly device_id: string
}

/**
 * The samples of several devices in one order of time, a page at a time. Those of one time are in the order of the devices' numbers, so that
 * a cursor neither skips nor repeats where devices share a time.
 * @param devices number → id
 */
export async function listReadingsOfSeveral(
  db: Db,
  devices: ReadonlyMap<number, string>,
  { fields, order, limit, cursor, ...range }: ReadingsQuery,
): Promise<{ readings: ReadingOfOne[]; next_cursor: string | null }> {
  const nums = [...devices.keys()]
  const seen = cursor ? placeOf(cursor) : null
  const places: Place[] = []
  const rows: (Shown & Place)[] = []
  let budget = maxPageBytes
  let more = false
  for await (const step of fields ? stepsOf(db, nums, rest(range, seen, order), order) : [range]) {
    const parts = nums.map(device_num => partOf(device_num, step, seen, order))
    const columns = sql`device_num, ts, ${heldIn(['data', 'metadata'])} as held`
    const samples = merged(parts, columns, order, fields && hasOneOf(fields))
    const left = limit - places.length
    const found = await sql<Place & { held: number }>`${samples} limit ${left + 1}`.execute(db)
    const { count, bytes } = fitting(found.rows, left, budget)
    const taken = found.rows.slice(0, count)
    rows.push(...(await samplesAt(db, taken)))
    places.push(...taken)
    budget -= bytes
    more = found.rows.length > count
    if (more) break
  }
  const last = places.at(-1)
  return {
    readings: rows.map(row => ({ device_id: devices.get(row.device_num) ?? '', ...readingOf(row, fields) })),
    next_cursor: more && last ? encodeCursor(`${last.ts}.${last.device_num}`) : null,
  }
}

function placeOf(cursor: string): Place {
  const [, ts, device_num] = /^(\d{1,15})\.(\d{1,15})$/.exec(decodeCursor(cursor, 'string')) ?? []
  if (ts === undefined) throw new HubError('invalid_request', 'The cursor is not one of ours.')
  return { ts: Number(ts), device_num: Number(device_num) }
}

/** What a range still holds behind a place, its own time included, at which there may be other devices. */
function rest({ start_time, end_time }: TimeRange, seen: Place | null, order: Order): TimeRange {
  if (seen === null) return { start_time, end_time }
  return order === 'asc'
    ? { start_time: Math.max(start_time, seen.ts), end_time }
    : { start_time, end_time: Math.min(end_time, seen.ts + 1) }
}

/** What it holds of one device. */
function partOf(device_num: number, range: TimeRange, seen: Place | null, order: Order): Part {
  if (seen === null) return { device_num, ...range }
  const { start_time, end_time } = range
  return order === 'asc'
    ? { device_num, start_time: Math.max(start_time, seen.ts + (device_num > seen.device_num ? 0 : 1)), end_time }
    : { device_num, start_time, end_time: Math.min(end_time, seen.ts + (device_num < seen.device_num ? 1 : 0)) }
}

/** In the order of the places. */
async function samplesAt(db: Db, places: readonly Place[]): Promise<(Shown & Place)[]> {
  if (places.length === 0) return []
  const wanted = JSON.stringify(places.map(({ device_num, ts }) => [device_num, ts]))
  const { rows } = await sql<Shown & Place>`select device_num, ts, received_at, data, metadata, quality
    from json_each(${wanted}) as place
    cross join telemetry on device_num = place.value ->> 0 and ts = place.value ->> 1 order by place.key`.execute(db)
  return rows
}
