import type { Db } from '../store/store.js'
import { bucketsOf, windowEnd, windowStarts } from './buckets.js'
import { type Fill, filled } from './fill.js'
import { fromRollups, type WantedOfRollups } from './from-rollups.js'
import { increases } from './increase.js'
import { knownOf } from './known.js'
import { onlySamples, type Plan, planOf } from './plan.js'
import type { TimeRange } from './readings.js'
import { type Edge, fromSamples, type Part, type Windows } from './sources.js'
import { stepsOf } from './steps.js'
import { checkBucketCount, checkTimezone, parseWindow, type Window } from './windows.js'

export const aggregations = ['mean', 'sum', 'min', 'max', 'count', 'first', 'last', 'increase', 'rate'] as const
type Aggregation = (typeof aggregations)[number]

export interface AggregateQuery extends TimeRange {
  readonly fields: readonly string[]
  readonly aggregations: readonly Aggregation[]
  /** `10s`, `15m`, `1h`, `1d`, `1w`, `1mo` … */
  readonly window: string
  /** IANA name; days and longer begin at its midnight. */
  readonly timezone: string
  /** What stands in empty windows; nothing when left out. */
  readonly fill?: Fill | undefined
}

type Value = number | boolean | string | null

/** `start` is the window's, in milliseconds since 1970; `count` the samples in it; `value` null where the sum is too large for a number. */
export interface Point {
  readonly start: number
  readonly value: Value
  readonly count: number
}

export interface Series {
  readonly field: string
  readonly aggregation: Aggregation
  /** Empty windows are left out, or filled. */
  readonly points: readonly Point[]
}

/**
 * Aggregates the samples of a device over windows. Count, first and last look at all samples, the others at numbers and booleans (true is 1).
 * Increase is by how much a counter grew, rate the same by the second.
 * @throws HubError `invalid_request` for a window, time zone or number of windows that cannot be
 */
export async function aggregate(db: Db, device_num: number, query: AggregateQuery): Promise<Series[]> {
  const window = parseWindow(query.window)
  checkBucketCount(window, query.start_time, query.end_time, query.fields.length * query.aggregations.length)
  checkTimezone(query.timezone)
  const known = await knownOf(db, device_num, { ...query, days: window.kind === 'calendar' })
  const { windows, edges } = bucketsOf(window, query.timezone, known.range)
  const planFor = await planOf(db, device_num, known, edges)
  const told = toldFor(query)
  const starts = query.fill && query.fill !== 'none' ? windowStarts(window, query) : []
  const series = query.fields.map(async field => {
    const { field_num, ...gone } = known.fields.get(field) ?? unheard
    const wanted = { ...told, device_num, field, field_num }
    const plan = field_num === 0 && known.full ? onlySamples(known.range) : planFor(gone)
    const tallied = await tallies(db, plan, windows, wanted)
    const grown = query.aggregations.some(isGrowth) ? await increases(db, plan, windows, wanted) : null
    const parts = [...tallied.values()].sort((one, other) => one.start - other.start)
    return query.aggregations.map(aggregation => {
      const point = (part: Part): Point =>
        isGrowth(aggregation)
          ? { start: part.start, count: part.numbers, value: growth(window, query, aggregation, part.start, grown) }
          : { start: part.start, ...expressions[aggregation](part) }
      const points = parts.map(point).filter(({ count }) => count > 0)
      return { field, aggregation, points: filled(points, starts, query.fill ?? 'none') }
    })
  })
  return (await Promise.all(series)).flat()
}

/** What sources are to tell of a field. */
function toldFor({ aggregations }: AggregateQuery): Omit<WantedOfRollups, 'device_num' | 'field' | 'field_num'> {
  const asks = (...names: readonly Aggregation[]) => names.some(name => aggregations.includes(name))
  const [first, last] = [asks('first'), asks('last')]
  return {
    first,
    last,
    samples: first || last || asks('count'),
    sum: asks('mean', 'sum'),
    min: asks('min'),
    max: asks('max'),
  }
}

const unheard = { field_num: 0, raw_from: 0, minutes_from: 0 }

type Growth = 'increase' | 'rate'
const isGrowth = (aggregation: Aggregation): aggregation is Growth =>
  aggregation === 'increase' || aggregation === 'rate'

/** A rate is by the second of that part of the window which lies in the range. */
function growth(
  window: Window,
  { start_time, end_time, timezone }: AggregateQuery,
  aggregation: Growth,
  start: number,
  grown: ReadonlyMap<number, number> | null,
): number {
  const increase = grown?.get(start) ?? 0
  if (aggregation === 'increase') return increase
  const end = windowEnd(window, timezone, start)
  return (increase * 1000) / (Math.min(end, end_time) - Math.max(start, start_time))
}

/** How many stretches of few samples are looked through in one go. */
const fewAtOnce = 16

async function tallies(db: Db, plan: Plan, windows: Windows, wanted: WantedOfRollups): Promise<Map<number, Part>> {
  const known = new Map<number, Part>()
  const take = (parts: readonly Part[]) => {
    for (const part of parts) known.set(part.start, merge(known.get(part.start), part))
  }
  take(await fromRollups(db, windows, plan, wanted))
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

const expressions: Readonly<Record<Exclude<Aggregation, Growth>, (part: Part) => { value: Value; count: number }>> = {
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
