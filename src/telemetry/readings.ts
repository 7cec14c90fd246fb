import type { Selectable } from 'kysely'
import type { JsonObject } from '../json.js'
import { decodeCursor, encodeCursor, type PageRequest } from '../page.js'
import { maxPageBytes } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { namesIn, readSamples, type Sample } from './read.js'
import { type Order, stepsOf } from './steps.js'

/** A sample as the API shows it. */
export interface Reading {
  readonly ts: number
  readonly received_at: number
  readonly data: Sample['data']
  readonly metadata?: JsonObject
  /** `received`: the device's time was beyond belief, `ts` is when the hub received it. */
  readonly quality?: 'received'
}

/** `[start_time, end_time)` in milliseconds since 1970. */
export interface TimeRange {
  readonly start_time: number
  readonly end_time: number
}

export interface ReadingsQuery extends TimeRange, PageRequest {
  /** Only these fields, and only samples that have one of them. */
  readonly fields?: readonly string[] | undefined
  readonly order: Order
}

/** The samples of a device in a range, a page at a time. A cursor neither skips nor repeats: (device, ts) is unique (D8). */
export async function listReadings(
  db: Db,
  device_num: number,
  { start_time, end_time, fields, order, limit, cursor }: ReadingsQuery,
): Promise<{ readings: Reading[]; next_cursor: string | null }> {
  const seen = cursor ? decodeCursor(cursor, 'number') : null
  const rest =
    seen === null
      ? { start_time, end_time }
      : order === 'asc'
        ? { start_time: Math.max(start_time, seen + 1), end_time }
        : { start_time, end_time: Math.min(end_time, seen) }
  const samples: Sample[] = []
  let budget = maxPageBytes
  let more = false
  // Chosen fields may be millions of samples apart.
  for await (const step of fields ? stepsOf(db, device_num, rest, order) : [rest]) {
    const asked = { order, limit: limit - samples.length, budget, fields }
    const found = await readSamples(db, [{ device_num, ...step }], asked)
    samples.push(...found.samples)
    budget -= found.bytes
    more = found.more
    if (more) break
  }
  const last = samples.at(-1)
  const readings = samples.map(sample => readingOf(sample, fields))
  return { readings, next_cursor: more && last ? encodeCursor(last.ts) : null }
}

export function readingOf(sample: Sample, fields?: readonly string[]): Reading {
  const data = fields
    ? Object.fromEntries(Object.entries(sample.data).filter(([name]) => fields.includes(name)))
    : sample.data
  return {
    ts: sample.ts,
    received_at: sample.received_at,
    data,
    ...(sample.metadata ? { metadata: sample.metadata } : {}),
    ...(sample.quality ? { quality: sample.quality } : {}),
  }
}

/** The JSON path of a field, which may hold any character: inside quotes only `"` and `\` have a meaning. */
export const pathOf = (field: string) => `$.${JSON.stringify(field)}`

type Latest = Record<string, { value: number | boolean | string; ts: number }>

/** The newest value of each field a device ever sent, with its time. */
export async function latestReadings(db: Db, device_num: number): Promise<Latest> {
  const row = await db.selectFrom('latest').select('latest').where('device_num', '=', device_num).executeTakeFirst()
  return latestOf(row?.latest ?? null)
}

/** The same from a row of "latest". */
export function latestOf(latest: Selectable<Tables['latest']>['latest'] | null): Latest {
  // Over a copy, and in a loop: a field may have any name, `__proto__` too, and a home a thousand devices.
  const shown: Record<string, Latest[string] | [Latest[string]['value'], number]> = { ...latest }
  for (const [field, [value, ts]] of Object.entries(latest ?? {})) shown[field] = { value, ts }
  return shown as Latest
}

/** Every sample in a range, page by page, oldest first: nothing is held open while the consumer is slow. */
export async function* exportReadings(
  db: Db,
  device_num: number,
  range: TimeRange & { fields?: readonly string[] | undefined },
) {
  let cursor: string | null | undefined
  while (cursor !== null) {
    const page = await listReadings(db, device_num, { ...range, order: 'asc', limit: 1000, cursor })
    yield page.readings
    cursor = page.next_cursor
  }
}

/**
 * The oldest time of what was received since a time, both in milliseconds since 1970; null when that is nothing. What has been packed is
 * not looked through: packing.ts leaves what rules have not evaluated.
 */
export async function oldestReceivedSince(db: Db, device_num: number, since: number): Promise<number | null> {
  const { oldest } = await db
    .selectFrom('samples')
    .select(eb => eb.fn.min<number | null>('ts').as('oldest'))
    .where('device_num', '=', device_num)
    .where(({ eb }) => eb(eb('ts', '+', eb.ref('delay')), '>', since))
    .executeTakeFirstOrThrow()
  return oldest
}

const maxNames = 1000

/** The names of the fields that occur in a range, in order, at most 1000: the columns of a CSV. */
export async function fieldNames(db: Db, device_num: number, range: TimeRange): Promise<string[]> {
  let names: string[] = []
  for await (const { start_time, end_time } of stepsOf(db, device_num, range)) {
    const more = await namesIn(db, { device_num, start_time, end_time }, maxNames)
    names = [...new Set([...names, ...more])].sort().slice(0, maxNames)
  }
  return names
}
