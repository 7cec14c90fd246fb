import { expect } from 'vitest'

export const aggregations = ['mean', 'sum', 'min', 'max', 'count', 'first', 'last'] as const
export type Aggregation = (typeof aggregations)[number]
export type Sample = { ts: number; data: Record<string, number | boolean | string> }

/** Where a window begins, by looking at the wall clock in the zone minute by minute and not by reckoning offsets. */
export function startsOf(window: string, timezone: string): (ts: number) => string | number {
  const [, count, unit] = /^(\d+)([smh])$/.exec(window) ?? []
  const ms = Number(count) * (unit === 's' ? 1000 : unit === 'm' ? 60_000 : 3_600_000)
  if (unit !== undefined) return ts => Math.floor(ts / ms) * ms
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' })
  return ts => {
    const date = format.format(ts)
    if (window === '1mo') return date.slice(0, 7)
    if (window === '1d') return date
    const monday = new Date(`${date}T00:00Z`)
    monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7))
    return monday.toISOString().slice(0, 10)
  }
}

const reductions: Readonly<Record<Aggregation, (values: number[], all: unknown[]) => unknown>> = {
  mean: values => values.reduce((sum, value) => sum + value, 0) / values.length,
  sum: values => values.reduce((sum, value) => sum + value, 0),
  min: values => Math.min(...values),
  max: values => Math.max(...values),
  count: (_, all) => all.length,
  first: (_, all) => all[0],
  last: (_, all) => all.at(-1),
}

/** What a plain computation over all samples gives. */
export function naive(
  samples: readonly Sample[],
  field: string,
  aggregation: Aggregation,
  startOf: (ts: number) => unknown,
) {
  const groups = new Map<unknown, (number | boolean | string)[]>()
  for (const { ts, data } of samples.toSorted((a, b) => a.ts - b.ts)) {
    const value = data[field]
    if (value === undefined) continue
    groups.set(startOf(ts), [...(groups.get(startOf(ts)) ?? []), value])
  }
  const over = ['count', 'first', 'last'].includes(aggregation)
  return [...groups].flatMap(([start, all]) => {
    const numbers = all.filter(value => typeof value !== 'string').map(Number)
    const count = over ? all.length : numbers.length
    return count > 0 ? [{ start, value: reductions[aggregation](numbers, all), count }] : []
  })
}

/** Sums in another order differ in the last digits: ten of them are the same. */
export const near = (value: unknown): unknown =>
  typeof value === 'number' ? expect.closeTo(value, 10 - Math.ceil(Math.log10(Math.abs(value) + 1))) : value

/** By how much a counter grew in each window: from each sample to the next, told of the later one. */
export function naiveIncrease(samples: readonly Sample[], field: string, startOf: (ts: number) => unknown) {
  const groups = new Map<unknown, { value: number; count: number }>()
  let before: number | null = null
  for (const { ts, data } of samples.toSorted((a, b) => a.ts - b.ts)) {
    const value = data[field]
    if (value === undefined || typeof value === 'string') continue
    const number = Number(value)
    const step: number = before === null ? 0 : number >= before ? number - before : number
    const known = groups.get(startOf(ts)) ?? { value: 0, count: 0 }
    groups.set(startOf(ts), { value: known.value + step, count: known.count + 1 })
    before = number
  }
  return [...groups].map(([start, { value, count }]) => ({ start, value, count }))
}
