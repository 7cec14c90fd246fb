import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import { type Edges, type Plan, planOf } from './plan.js'
import type { TimeRange } from './readings.js'
import { hourMs, minuteMs } from './rollup-rows.js'
import { type Edge, fromRollups, fromSamples, type Part, type Wanted, type Windows } from './sources.js'
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

/**
 * Aggregates the samples of a device over windows. Mean, sum, min and max look at numbers and booleans (true is 1), the others at all.
 * @throws HubError `invalid_request` for a window, time zone or number of windows that cannot be
 */
export async function aggregate(db: Db, device_num: number, query: AggregateQuery): Promise<Series[]> {
  const window = parseWindow(query.window)
  checkBucketCount(window, query.start_time, query.end_time, query.fields.length * query.aggregations.length)
  checkTimezone(query.timezone)
  const range = await extent(db, device_num, query)
  const { windows, edges } = window.kind === 'fixed' ? fixed(window.ms) : calendar(window, query.timezone, range)
  const plan = await planOf(db, device_num, range, edges)
  const nums = await fieldNums(db, device_num, query.fields)
  const [first, last] = [query.aggregations.includes('first'), query.aggregations.includes('last')]
  const series = query.fields.map(async field => {
    const wanted = { device_num, field, first, last, field_num: nums.get(field) ?? 0 }
    const known = await tallies(db, plan, windows, wanted)
    return query.aggregations.map(aggregation => {
      const points = [...known]
        .sort(([a], [b]) => a - b)
        .map(([start, part]) => ({ start, ...expressions[aggregation](part) }))
      return { field, aggregation, points: points.filter(({ count }) => count > 0) }
    })
  })
  return (await Promise.all(series)).flat()
}

/** How many stretches of few samples are looked through in one go. */
const fewAtOnce = 16

async function tallies(
  db: Db,
  plan: Plan,
  windows: Windows,
  wanted: Wanted & { readonly field_num: number },
): Promise<Map<number, Part>> {
  const known = new Map<number, Part>()
  const take = (parts: readonly Part[]) => {
    for (const part of parts) known.set(part.start, merge(known.get(part.start), part))
  }
  take(await fromRollups(db, '1d', windows, plan.days, wanted))
  take(await fromRollups(db, '1h', windows, plan.hours, wanted))
  take(await fromRollups(db, '1m', windows, plan.minutes, wanted))
  for (let i = 0; i < plan.few.length; i += fewAtOnce)
    take(await fromSamples(db, windows, plan.few.slice(i, i + fewAtOnce), wanted))
  for (const range of plan.samples)
    for await (const step of stepsOf(db, wanted.device_num, range)) take(await fromSamples(db, windows, [step], wanted))
  return known
}

const overNumbers = (value: (part: Part) => number) => (known: Part) => {
  const result = value(known)
  return { value: Number.isFinite(result) ? result : null, count: known.numbers }
}
const overAnything = (value: (part: Part) => Value) => (known: Part) => ({
  value: value(known),
  count: known.samples,
})
const parsed = (edge: Edge | null) => (edge === null ? null : (JSON.parse(edge.value) as Value))

const expressions: Readonly<Record<Aggregation, (part: Part) => { value: Value; count: number }>> = {
  mean: overNumbers(({ sum, numbers }) => sum / numbers),
  sum: overNumbers(({ sum }) => sum),
  min: overNumbers(({ min }) => min),
  max: overNumbers(({ max }) => max),
  count: overAnything(({ samples }) => samples),
  first: overAnything(({ first }) => parsed(first)),
  last: overAnything(({ last }) => parsed(last)),
}

/** Two parts of one window. */
function merge(known: Part | undefined, part: Part): Part {
  if (!known) return part
  return {
    start: known.start,
    numbers: known.numbers + part.numbers,
    sum: known.sum + part.sum,
    min: Math.min(known.min, part.min),
    max: Math.max(known.max, part.max),
    samples: known.samples + part.samples,
    first: known.first && part.first && part.first.at < known.first.at ? part.first : known.first,
    last: known.last && part.last && part.last.at > known.last.at ? part.last : known.last,
  }
}

/** `[start_time, end_time)`: the part of a range that holds samples, or did, empty when there are none. */
async function extent(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<TimeRange> {
  const { rows } = await sql<TimeRange>`select
    max(${start_time}, ifnull((select min(start) from telemetry_hours where device_num = ${device_num}), ${end_time})) as start_time,
    min(${end_time}, ifnull((select max(start) + ${hourMs} from telemetry_hours where device_num = ${device_num}), 0)) as end_time`.execute(
    db,
  )
  const [found] = rows
  return found && found.start_time < found.end_time ? found : { start_time, end_time: start_time }
}

async function fieldNums(db: Db, device_num: number, fields: readonly string[]): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('telemetry_fields')
    .select(['name', 'field_num'])
    .where('device_num', '=', device_num)
    .where('name', 'in', fields)
    .execute()
  return new Map(rows.map(({ name, field_num }) => [name, field_num]))
}

interface Buckets {
  readonly windows: Windows
  readonly edges: Edges
}

/** Windows of one length, whose edges the times themselves tell. */
const fixed = (ms: number): Buckets => ({
  windows: {
    cut: ranges => ranges.map(({ start_time, end_time }) => [0, start_time, end_time]),
    startOf: time => sql`${time} - ${time} % ${ms}`,
  },
  edges: {
    cut: (start, end) => Math.floor(start / ms) !== Math.floor((end - 1) / ms),
    onMinutes: ms % minuteMs === 0,
    ofDays: false,
  },
})

/** Windows of the calendar, which are made once for the whole range. */
function calendar(window: Window & { kind: 'calendar' }, timezone: string, range: TimeRange): Buckets {
  const buckets = calendarBuckets(window, timezone, range.start_time, range.end_time)
  /** The first window that ends behind a time. */
  const at = (time: number) => {
    let [low, high] = [0, buckets.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((buckets[middle]?.end ?? 0) > time) high = middle
      else low = middle + 1
    }
    return low
  }
  const cutOne = ({ start_time, end_time }: TimeRange) => {
    const parts: [number, number, number][] = []
    for (let i = at(start_time); (buckets[i]?.start ?? end_time) < end_time; i++) {
      const { start = 0, end = 0 } = buckets[i] ?? {}
      parts.push([start, Math.max(start, start_time), Math.min(end, end_time)])
    }
    return parts
  }
  return {
    windows: { cut: ranges => ranges.flatMap(cutOne), startOf: () => sql`part.value ->> 0` },
    edges: {
      cut: (start, end) => at(start) !== at(end - 1),
      onMinutes: buckets.every(({ start }) => start % minuteMs === 0),
      ofDays: true,
    },
  }
}
