import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { insertSamples, openTestStore, type TestStore } from '../store/harness.js'
import { type Aggregation, aggregations, naive, near, type Sample, startsOf } from './naive.js'

type Points = { start: number; value: unknown; count: number }[]

let opened: TestStore
let devices = 0

beforeAll(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterAll(() => opened.close())

/** Stores samples, of any time, as those of a device of their own. @returns its number */
async function store(samples: readonly Sample[]): Promise<number> {
  const device_num = ++devices
  await insertSamples(
    opened.db,
    samples.map(sample => ({ device_num, ...sample })),
  )
  await sql`insert into telemetry_hours (device_num, start, state) select distinct device_num, ts - ts % 3600000, 0 from telemetry
    where device_num = ${device_num}`.execute(opened.db)
  return device_num
}

/** Samples at odd times in a range: numbers, booleans and words mixed, fields that come and go, gaps of many windows. */
function madeUp(seed: number, from: number, to: number, count: number): Sample[] {
  const random = createRandom(seed)
  const samples = new Map<number, Sample>()
  for (let i = 0; i < count; i++) {
    const gap = random.chance(0.2) ? (to - from) / 5 : 0
    const ts = Math.min(to - 1, Math.floor(random.between(from, to - gap)))
    const data: Sample['data'] = { t: Math.round(random.gaussian(20, 5) * 100) / 100 }
    if (random.chance(0.5)) data['nested.on'] = random.chance(0.5)
    if (random.chance(0.3)) data.mixed = random.pick<number | string | boolean>([1, 'one', true, -2.5, 'zero'])
    samples.set(ts, { ts, data })
  }
  return [...samples.values()]
}

const seed = Math.floor(Math.random() * 2 ** 31)
process.stdout.write(`samples from seed ${seed}\n`)

const span: Readonly<Record<string, number>> = {
  '10s': 1200,
  '1m': 9000,
  '15m': 1e5,
  '1h': 5e5,
  '1d': 3e6,
  '1w': 2e7,
  '1mo': 5e7,
}

test.each(
  ['Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Kathmandu'].flatMap(timezone =>
    Object.keys(span).map(window => [window, timezone] as const),
  ),
)('every aggregation by %s in %s is what a plain computation gives', async (window, timezone) => {
  const from = Date.parse('2011-12-20T00:00Z') + (seed % 86_400_000)
  const to = from + (span[window] ?? 0) * 1000
  const samples = madeUp(seed, from, to, 800)
  const num = await store(samples)
  // Not the whole: [start_time, end_time) cuts the first and last windows short.
  const times = samples.map(({ ts }) => ts).toSorted((a, b) => a - b)
  const [start_time = 0, end_time = 0] = [times[20], times.at(-20)]
  const inRange = samples.filter(({ ts }) => ts >= start_time && ts < end_time)
  const fields = ['t', 'nested.on', 'mixed', 'nowhere']
  const series = await aggregate(opened.db, num, { fields, aggregations, window, timezone, start_time, end_time })
  expect(series.map(({ field, aggregation }) => [field, aggregation])).toEqual(
    fields.flatMap(field => aggregations.map(aggregation => [field, aggregation])),
  )
  const startOf = startsOf(window, timezone)
  for (const { field, aggregation, points } of series) {
    const expected = naive(inRange, field, aggregation as Aggregation, startOf)
    const named = points.map(point => ({ ...point, start: startOf(point.start) }))
    const told = `${field} ${aggregation}, seed ${seed}`
    expect(named, told).toEqual(expected.map(point => ({ ...point, value: near(point.value) })))
  }
})

const minute = 60_000
const hour = 60 * minute
const begin = Date.UTC(2026, 0, 1)

async function points(num: number, aggregation: Aggregation | 'increase' | 'rate', more: object = {}): Promise<Points> {
  const range = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER, timezone: 'UTC', window: '1mo' }
  const query = { fields: ['t'], aggregations: [aggregation], ...range, start_time: begin, end_time: begin + hour }
  const [series] = await aggregate(opened.db, num, { ...query, ...more })
  return [...(series?.points ?? [])]
}

test('a window over more samples than one step looks through is still one window', async () => {
  const samples = Array.from({ length: 25_000 }, (_, i) => ({ ts: begin + i, data: { t: i } }))
  const num = await store(samples)
  const value = async (aggregation: Aggregation) => (await points(num, aggregation))[0]
  expect(await value('count')).toEqual({ start: begin, value: 25_000, count: 25_000 })
  expect(await value('mean')).toMatchObject({ value: 12_499.5, count: 25_000 })
  expect(await value('sum')).toMatchObject({ value: 312_487_500 })
  expect([await value('min'), await value('max')]).toMatchObject([{ value: 0 }, { value: 24_999 }])
  expect([await value('first'), await value('last')]).toMatchObject([{ value: 0 }, { value: 24_999 }])
  expect(await points(num, 'count')).toHaveLength(1)
})

test('empty windows are left out', async () => {
  const num = await store([0, 5, 23].map(hours => ({ ts: begin + hours * hour, data: { t: hours } })))
  const found = await points(num, 'mean', { window: '1h', end_time: begin + 24 * hour })
  expect(found.map(({ start }) => (start - begin) / hour)).toEqual([0, 5, 23])
})

test('a range is [start, end)', async () => {
  const num = await store([0, 1, 2].map(i => ({ ts: begin + i, data: { t: i } })))
  const found = await points(num, 'count', { start_time: begin, end_time: begin + 2 })
  expect(found).toEqual([{ start: begin, value: 2, count: 2 }])
})

test('the first and the last of what is true or false are true or false', async () => {
  const num = await store([true, false].map((t, i) => ({ ts: begin + i, data: { t } })))
  expect((await points(num, 'first'))[0]?.value).toBe(true)
  expect((await points(num, 'last'))[0]?.value).toBe(false)
  expect((await points(num, 'mean'))[0]?.value).toBe(0.5)
})

test('numbers whose sum is too large for a number give null, and integers beyond 64 bits do not fail', async () => {
  const huge = await store([1e308, 1e308].map((t, i) => ({ ts: begin + i, data: { t } })))
  expect((await points(huge, 'sum'))[0]).toEqual({ start: begin, value: null, count: 2 })
  expect((await points(huge, 'max'))[0]?.value).toBe(1e308)
  const whole = await store([2 ** 62, 2 ** 62, 2 ** 62].map((t, i) => ({ ts: begin + i, data: { t } })))
  expect((await points(whole, 'sum'))[0]?.value).toBe(3 * 2 ** 62)
})

test('a device without samples, or a range without, has no points', async () => {
  for (const window of ['1h', '1d']) {
    expect(await points(987_654, 'count', { window })).toEqual([])
    const num = await store([{ ts: begin, data: { t: 1 } }])
    expect(await points(num, 'count', { window, start_time: begin + 1, end_time: begin + hour })).toEqual([])
  }
})

test('a field is taken by its name, whatever characters it has', async () => {
  const names = ['a.b', 'a"b', 'a\\b', '$', '[0]', '#', '*', "it's", 'é', '🌡', ' ', 'constructor', '%_']
  const num = await store([{ ts: begin, data: Object.fromEntries(names.map((name, i) => [name, i])) }])
  const query = { window: '1h', timezone: 'UTC', start_time: begin, end_time: begin + hour }
  const series = await aggregate(opened.db, num, { ...query, fields: names, aggregations: ['last', 'sum'] })
  expect(series.map(({ points }) => points[0]?.value)).toEqual(names.flatMap((_, i) => [i, i]))
})

describe('a counter', () => {
  const counted = [10, 14, 20, 3, 5, 5, 9]
  const samples = counted.map((t, i) => ({ ts: begin + i * 20 * minute, data: { t } }))
  const range = { window: '1h', end_time: begin + 3 * hour }

  test('grows from each reading to the next, and begins at 0 again where it is less than before', async () => {
    const num = await store(samples)
    expect((await points(num, 'increase', range)).map(({ value }) => value)).toEqual([10, 3 + 2 + 0, 4])
    expect(await points(num, 'increase', { ...range, window: '1mo' })).toMatchObject([{ value: 19, count: 7 }])
  })

  test('has a rate by the second of the window that lies in the range', async () => {
    const num = await store(samples)
    const rates = await points(num, 'rate', { ...range, end_time: begin + 2 * hour + 30 * minute })
    expect(rates.map(({ value }) => value)).toEqual([10 / 3600, 5 / 3600, 4 / 1800])
  })
})

describe('empty windows are filled', () => {
  const sparse = () => store([1, 3, 6].map(hours => ({ ts: begin + hours * hour + 5, data: { t: hours * 10 } })))
  const filledWith = async (fill: string, more: object = {}) =>
    (await points(await sparse(), 'mean', { window: '1h', end_time: begin + 8 * hour, fill, ...more })).map(
      ({ start, value, count }) => [(start - begin) / hour, value, count],
    )

  test('with nothing', async () => {
    expect(await filledWith('none')).toEqual([
      [1, 10, 1],
      [3, 30, 1],
      [6, 60, 1],
    ])
  })
  test('with the value before', async () => {
    const whole = [
      [1, 10, 1],
      [2, 10, 0],
      [3, 30, 1],
      [4, 30, 0],
      [5, 30, 0],
      [6, 60, 1],
      [7, 60, 0],
    ]
    expect(await filledWith('previous')).toEqual(whole)
  })
  test('with what lies on the line between', async () => {
    expect(await filledWith('linear')).toEqual([
      [1, 10, 1],
      [2, 20, 0],
      [3, 30, 1],
      [4, 40, 0],
      [5, 50, 0],
      [6, 60, 1],
    ])
  })
  test('also days, of 23 hours too', async () => {
    const summer = Date.parse('2026-03-27T12:00+01:00')
    const num = await store([
      { ts: summer, data: { t: 1 } },
      { ts: summer + 3 * 24 * hour, data: { t: 2 } },
    ])
    const range = {
      start_time: summer - hour,
      end_time: summer + 4 * 24 * hour,
      window: '1d',
      timezone: 'Europe/Paris',
    }
    const found = await points(num, 'last', { ...range, fill: 'previous' })
    expect(found.map(({ value }) => value)).toEqual([1, 1, 1, 2, 2])
    const days = found.map(({ start }, i) => (i === 0 ? 0 : (start - (found[i - 1]?.start ?? 0)) / hour))
    expect(days).toEqual([0, 24, 24, 23, 24])
  })
})
