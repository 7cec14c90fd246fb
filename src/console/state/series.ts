import type { Range } from './ranges.ts'
import { session } from './session.ts'

/** Columns for uPlot: seconds since 1970, and what the readings of each window come to. */
export interface Series {
  readonly at: readonly number[]
  readonly mean: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
  /** Readings in the last window, for its mean to go on. */
  readonly last_count: number
}

/** More windows than any range has: of a page that stays open the oldest go. */
const mostWindows = 400

/** @throws HubError, as the hub gives it */
export async function readSeries(device_id: string, field: string, { start, window }: Range): Promise<Series> {
  const query = { field, aggregation: 'mean,min,max', window, start_time: start }
  const { series } = await session.call('GET /telemetry/{id}/aggregated', { params: { id: device_id }, query })
  const points = (name: string) => series.find(({ aggregation }) => aggregation === name)?.points ?? []
  const numbers = (name: string) => points(name).map(({ value }) => (typeof value === 'number' ? value : null))
  return {
    at: points('mean').map(({ start }) => start / 1000),
    mean: numbers('mean'),
    min: numbers('min'),
    max: numbers('max'),
    last_count: points('mean').at(-1)?.count ?? 0,
  }
}

/** With a reading that has just come. What belongs to a window before the last is the hub's business. */
export function withReading(series: Series, value: number, ts: number, { window_ms, has_days }: Range): Series {
  const { at, last_count: count } = series
  const last = at.at(-1) ?? 0
  const start = (ts - (ts % window_ms)) / 1000
  // Days begin when they do in the home.
  const isNew = has_days ? ts / 1000 >= last + window_ms / 1000 : start > last
  if (!isNew && ts / 1000 < last) return series
  if (isNew) {
    const add = <T>(column: readonly T[], next: T) => [...column.slice(1 - mostWindows), next]
    const [mean, min, max] = [add(series.mean, value), add(series.min, value), add(series.max, value)]
    return { at: add(at, start), mean, min, max, last_count: 1 }
  }
  return {
    at,
    mean: replaced(series.mean, before => (before * count + value) / (count + 1), value),
    min: replaced(series.min, before => Math.min(before, value), value),
    max: replaced(series.max, before => Math.max(before, value), value),
    last_count: count + 1,
  }
}

/** With another last value. */
const replaced = (column: readonly (number | null)[], next: (before: number) => number, otherwise: number) => {
  const before = column.at(-1) ?? null
  return [...column.slice(0, -1), before === null ? otherwise : next(before)]
}
