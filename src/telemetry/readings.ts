import { type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import { decodeCursor, encodeCursor, type PageRequest } from '../page.js'
import { maxPageBytes, readWithin } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { type Order, stepsOf } from './steps.js'

type Row = Selectable<Tables['telemetry']>

/** A sample as the API shows it. */
export interface Reading {
  readonly ts: number
  readonly received_at: number
  readonly data: Row['data']
  readonly metadata?: Record<string, unknown>
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
  const rows: Shown[] = []
  let budget = maxPageBytes
  let more = false
  // Chosen fields may be millions of samples apart.
  for await (const step of fields ? stepsOf(db, device_num, rest, order) : [rest]) {
    const query = samples(db, device_num, step, fields).orderBy('ts', order)
    const found = await readWithin(query, ['data', 'metadata'], limit - rows.length, budget)
    rows.push(...found.rows)
    budget -= found.bytes
    more = found.more
    if (more) break
  }
  const last = rows.at(-1)
  return { readings: rows.map(row => readingOf(row, fields)), next_cursor: more && last ? encodeCursor(last.ts) : null }
}

export type Shown = Pick<Row, 'ts' | 'received_at' | 'data' | 'metadata' | 'quality'>

function samples(db: Db, device_num: number, range: TimeRange, fields: readonly string[] | undefined) {
  const query = db
    .selectFrom('telemetry')
    .select(['ts', 'received_at', 'data', 'metadata', 'quality'])
    .where('device_num', '=', device_num)
    .where('ts', '>=', range.start_time)
    .where('ts', '<', range.end_time)
  return fields ? query.where(hasOneOf(fields)) : query
}

/** Whether a sample has one of these fields. */
export function hasOneOf(fields: readonly string[]): RawBuilder<SqlBool> {
  const wanted = sql`(select value from json_each(${JSON.stringify(fields)}))`
  return sql`exists (select 1 from json_each(data) as field where field.key in ${wanted})`
}

export function readingOf(row: Shown, fields?: readonly string[]): Reading {
  const data = fields
    ? Object.fromEntries(Object.entries(row.data).filter(([name]) => fields.includes(name)))
    : row.data
  return {
    ts: row.ts,
    received_at: row.received_at,
    data,
    ...(row.metadata ? { metadata: row.metadata } : {}),
    ...(row.quality ? { quality: row.quality } : {}),
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

const maxNames = 1000

/** The names of the fields that occur in a range, in order, at most 1000: the columns of a CSV. */
export async function fieldNames(db: Db, device_num: number, range: TimeRange): Promise<string[]> {
  const names = new Set<string>()
  for await (const { start_time, end_time } of stepsOf(db, device_num, range)) {
    const { rows } = await sql<{ name: string }>`select distinct field.key as name
      from telemetry, json_each(telemetry.data) as field
      where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time}`.execute(db)
    for (const { name } of rows) names.add(name)
  }
  return [...names].sort().slice(0, maxNames)
}
