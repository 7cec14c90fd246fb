import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../store/store.js'
import { pathOf, type TimeRange } from './readings.js'
import { stepsOf } from './steps.js'
import { calendarBuckets, checkBucketCount, checkTimezone, parseWindow, type Window } from './windows.js'

export const aggregations = ['mean', 'sum', 'min', 'max', 'count', 'first', 'last'] as const
type Aggregation = (typeof aggregations)[number]

export interface AggregateQuery extends TimeRange {
  readonly fields: readonly string[]
  readonly aggregations: readonly Aggregation[]
  /** `10s`, `15m`, `1h`, `1d`, `1w`, `1mo` … */
  readonly window: string
  /** IANA name; days and longer begin at its midnight. */
  readonly timezone: string
}

type Value = number | boolean | string | null

export interface Series {
  readonly field: string
  readonly aggregation: Aggregation
  /**
   * Empty windows are left out. `start` is the window's, in milliseconds since 1970; `count` the samples in it; `value` null where the
   * sum is too large for a number.
   */
  readonly points: readonly { start: number; value: Value; count: number }[]
}

type Source = RawBuilder<unknown>

/** What is known of one field in one window. */
interface Tally {
  /** Of the numbers and booleans. */
  readonly numbers: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** Of all samples that have the field. */
  readonly samples: number
  /** As JSON text; null where nobody asked. */
  readonly first: string | null
  readonly last: string | null
}

/**
 * Aggregates the samples of a device over windows. Mean, sum, min and max look at numbers and booleans (true is 1), the others at all.
 * @throws HubError `invalid_request` for a window, time zone or number of windows that cannot be
 */
export async function aggregate(db: Db, device_num: number, query: AggregateQuery): Promise<Series[]> {
  const window = parseWindow(query.window)
  checkBucketCount(window, query.start_time, query.end_time, query.fields.length * query.aggregations.length)
  checkTimezone(query.timezone)
  const range = await extent(db, device_num, query)
  const calendar = window.kind === 'calendar' ? bucketsOf(window, query.timezone, range) : null
  const tallies = new Map(query.fields.map(field => [field, new Map<number, Tally>()]))
  for await (const step of stepsOf(db, device_num, range)) {
    const source = window.kind === 'fixed' ? fixed(device_num, window.ms, step) : calendar?.(device_num, step)
    for (const [field, known] of tallies) {
      const found = source ? await tally(db, source, field, query.aggregations) : []
      for (const { start, ...part } of found) known.set(start, merge(known.get(start), part))
    }
  }
  return query.fields.flatMap(field =>
    query.aggregations.map(aggregation => {
      const points = [...(tallies.get(field) ?? [])].map(([start, known]) => ({
        start,
        ...expressions[aggregation](known),
      }))
      return { field, aggregation, points: points.filter(({ count }) => count > 0) }
    }),
  )
}

const overNumbers = (value: (tally: Tally) => number) => (known: Tally) => {
  const result = value(known)
  return { value: Number.isFinite(result) ? result : null, count: known.numbers }
}
const overAnything = (value: (tally: Tally) => Value) => (known: Tally) => ({
  value: value(known),
  count: known.samples,
})
const parsed = (json: string | null) => (json === null ? null : (JSON.parse(json) as Value))

const expressions: Readonly<Record<Aggregation, (tally: Tally) => { value: Value; count: number }>> = {
  mean: overNumbers(({ sum, numbers }) => sum / numbers),
  sum: overNumbers(({ sum }) => sum),
  min: overNumbers(({ min }) => min),
  max: overNumbers(({ max }) => max),
  count: overAnything(({ samples }) => samples),
  first: overAnything(({ first }) => parsed(first)),
  last: overAnything(({ last }) => parsed(last)),
}

/** Two parts of one window, the earlier one first. */
function merge(known: Tally | undefined, part: Tally): Tally {
  if (!known) return part
  return {
    numbers: known.numbers + part.numbers,
    sum: known.sum + part.sum,
    min: Math.min(known.min, part.min),
    max: Math.max(known.max, part.max),
    samples: known.samples + part.samples,
    first: known.first,
    last: part.last,
  }
}

/** `[start_time, end_time)`: the part of a range that holds samples, empty when there are none. */
async function extent(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<TimeRange> {
  const within = sql`from telemetry where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time}`
  const { rows } = await sql<TimeRange>`select ifnull((select min(ts) ${within}), 0) as start_time,
    ifnull((select max(ts) + 1 ${within}), 0) as end_time`.execute(db)
  return rows[0] ?? { start_time: 0, end_time: 0 }
}

/** Rows of (start, ts, data): each sample of a step with the beginning of its window. */
function fixed(device_num: number, ms: number, { start_time, end_time }: TimeRange): Source {
  return sql`select ts - ts % ${ms} as start, ts, data from telemetry
    where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time}`
}

/** The same for windows of the calendar, which are made once for the whole range. */
function bucketsOf(window: Window & { kind: 'calendar' }, timezone: string, range: TimeRange) {
  const buckets = calendarBuckets(window, timezone, range.start_time, range.end_time)
  return (device_num: number, { start_time, end_time }: TimeRange): Source => {
    const touched = buckets.filter(({ start, end }) => start < end_time && end > start_time)
    const bounds = touched.map(({ start, end }) => [start, Math.max(start, start_time), Math.min(end, end_time)])
    // A cross join keeps its order: SQLite would otherwise go through all buckets for each sample.
    return sql`select bucket.value ->> 0 as start, ts, data from json_each(${JSON.stringify(bounds)}) as bucket
      cross join telemetry on device_num = ${device_num} and ts >= bucket.value ->> 1 and ts < bucket.value ->> 2`
  }
}

async function tally(db: Db, source: Source, field: string, wanted: readonly Aggregation[]) {
  const path = pathOf(field)
  // "limit -1" keeps SQLite from writing the inner expressions into the outer ones, where the JSON was read again for each use.
  const { rows } = await sql<Omit<Tally, 'first' | 'last'> & { start: number }>`select start, count(*) as samples,
      count(number) as numbers, total(number) as sum, ifnull(min(number), 9e999) as min, ifnull(max(number), -9e999) as max
    from (select start, value, iif(typeof(value) = 'text', null, value) as number
      from (select start, data ->> ${path} as value from (${source}) limit -1) limit -1)
    where value is not null group by start order by start`.execute(db)
  const first = wanted.includes('first') ? await atEdge(db, source, path, sql`min(ts)`) : null
  const last = wanted.includes('last') ? await atEdge(db, source, path, sql`max(ts)`) : null
  return rows.map(row => ({ ...row, first: first?.get(row.start) ?? null, last: last?.get(row.start) ?? null }))
}

/** Beside min(ts) or max(ts), SQLite takes a bare column from the row that has it (sqlite.org/lang_select.html, section 2.5). */
async function atEdge(db: Db, source: Source, path: string, edge: RawBuilder<unknown>): Promise<Map<number, string>> {
  const { rows } = await sql<{ start: number; value: string }>`select start, data -> ${path} as value, ${edge} as at
    from (${source}) where json_type(data, ${path}) is not null group by start`.execute(db)
  return new Map(rows.map(({ start, value }) => [start, value]))
}
