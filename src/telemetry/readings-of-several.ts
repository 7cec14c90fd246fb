import { HubError } from '../errors.js'
import { decodeCursor, encodeCursor } from '../page.js'
import { maxPageBytes } from '../store/pages.js'
import type { Db } from '../store/store.js'
import { readSamples, type Sample } from './read.js'
import { type Reading, type ReadingsQuery, readingOf, type TimeRange } from './readings.js'
import { type Order, type Part, stepsOf } from './steps.js'

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
  const samples: Sample[] = []
  let budget = maxPageBytes
  let more = false
  for await (const step of fields ? stepsOf(db, nums, rest(range, seen, order), order) : [range]) {
    const parts = nums.map(device_num => partOf(device_num, step, seen, order))
    const found = await readSamples(db, parts, { order, limit: limit - samples.length, budget, fields })
    samples.push(...found.samples)
    budget -= found.bytes
    more = found.more
    if (more) break
  }
  const last = samples.at(-1)
  return {
    readings: samples.map(one => ({ device_id: devices.get(one.device_num) ?? '', ...readingOf(one, fields) })),
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
