import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../store/store.js'
import { pathOf, type TimeRange } from './readings.js'
import { calendarBuckets, checkBucketCount, checkTimezone, parseWindow } from './windows.js'

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

export interface Series {
  readonly field: string
  readonly aggregation: Aggregation
  /**
   * Empty windows are left out. `start` is the window's, in milliseconds since 1970; `count` the samples in it; `value` null where the
   * sum is too large for a number.
   */
  readonly points: readonly { start: number; value: number | string | null; count: number }[]
}

type Source = RawBuilder<unknown>

/**
 * Aggregates the samples of a device over windows. Mean, sum, min and max look at numbers and booleans (true is 1), the others at all.
 * @throws HubError `invalid_request` for a window, time zone or number of windows that cannot be
 */
export async function aggregate(db: Db, device_num: number, query: AggregateQuery): Promise<Series[]> {
  const source = sourceOf(device_num, query)
  const wanted = query.fields.flatMap(field => query.aggregations.map(aggregation => ({ field, aggregation })))
  return Promise.all(
    wanted.map(async ({ field, aggregation }) => {
      const { rows } = await statement(source, pathOf(field), aggregation).execute(db)
      return {
        field,
        aggregation,
        points: rows.map(({ start, value, count }) => ({ start, value: finite(value), count })),
      }
    }),
  )
}

const finite = (value: number | string) => (value === Infinity || value === -Infinity ? null : value)

/** Rows of (start, ts, data): each sample with the beginning of its window. */
function sourceOf(device_num: number, { window: text, timezone, start_time, end_time }: AggregateQuery): Source {
  const window = parseWindow(text)
  checkBucketCount(window, start_time, end_time)
  if (window.kind === 'fixed') {
    return sql`select ts - ts % ${window.ms} as start, ts, data from telemetry
      where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time}`
  }
  const buckets = calendarBuckets(window, checkTimezone(timezone), start_time, end_time)
  const bounds = buckets.map(({ start, end }) => [start, Math.max(start, start_time), Math.min(end, end_time)])
  return sql`select bucket.value ->> 0 as start, ts, data from json_each(${JSON.stringify(bounds)}) as bucket
    join telemetry on device_num = ${device_num} and ts >= bucket.value ->> 1 and ts < bucket.value ->> 2`
}

const numeric = sql`json_type(data, path) in ('integer', 'real', 'true', 'false')`
const anything = sql`json_type(data, path) is not null`

const expressions: Readonly<Record<Aggregation, RawBuilder<unknown>>> = {
  mean: sql`avg(json_extract(data, path))`,
  // total() and not sum(), which fails when integers add up beyond 64 bits.
  sum: sql`total(json_extract(data, path))`,
  min: sql`min(json_extract(data, path))`,
  max: sql`max(json_extract(data, path))`,
  count: sql`count(*)`,
  first: sql`json_extract(data, path)`,
  last: sql`json_extract(data, path)`,
}
/** Beside min(ts) or max(ts), SQLite takes a bare column from the row that has it (sqlite.org/lang_select.html, section 2.5). */
const beside: Readonly<Partial<Record<Aggregation, RawBuilder<unknown>>>> = {
  first: sql`, min(ts) as at`,
  last: sql`, max(ts) as at`,
}
const overAnything: ReadonlySet<Aggregation> = new Set(['count', 'first', 'last'])

function statement(source: Source, path: string, aggregation: Aggregation) {
  return sql<{
    start: number
    value: number | string
    count: number
  }>`select start, ${expressions[aggregation]} as value,
    count(*) as count ${beside[aggregation] ?? sql``} from (${source}), (select ${path} as path)
    where ${overAnything.has(aggregation) ? anything : numeric} group by start order by start`
}
