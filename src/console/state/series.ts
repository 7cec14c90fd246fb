import type { Range } from './ranges.ts'
import { session } from './session.ts'

/** Columns for uPlot: seconds since 1970, and what the readings of each window come to. */
export interface Series {
  readonly at: number[]
  readonly mean: (number | null)[]
  readonly min: (number | null)[]
  readonly max: (number | null)[]
  /** Readings in the last window, for its mean to go on. */
  last_count: number
}

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

/** Takes in a reading that has just come. @returns whether it has its place: older windows are the hub's business */
export function addReading(series: Series, value: number, ts: number, window_ms: number): boolean {
  const start = (ts - (ts % window_ms)) / 1000
  const last = series.at.length - 1
  const end = series.at[last] ?? 0
  if (start < end) return false
  if (start > end) {
    series.at.push(start)
    for (const column of [series.mean, series.min, series.max]) column.push(value)
    series.last_count = 1
    return true
  }
  const { last_count: count } = series
  series.mean[last] = ((series.mean[last] ?? value) * count + value) / (count + 1)
  series.min[last] = Math.min(series.min[last] ?? value, value)
  series.max[last] = Math.max(series.max[last] ?? value, value)
  series.last_count++
  return true
}
