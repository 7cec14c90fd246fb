import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exportReadings, fieldNames, listReadings, type Reading } from '../../src/telemetry/readings.js'
import { insertSamples, openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
const received_at = Date.UTC(2026, 0, 1)
const begin = received_at - 3_600_000
const everything = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER }
const times = (readings: readonly Reading[]) => readings.map(({ ts }) => ts - begin)

beforeAll(async () => {
  opened = await openTestStore({ sync: 'normal' })
  const points = Array.from({ length: 250 }, (_, i) => ({
    ts: begin + i * 10,
    data: { even: i % 2 === 0, ...(i % 10 === 0 ? { rare: i, 'a.b': 'x' } : {}) },
    ...(i === 3 ? { metadata: { battery: 80 } } : {}),
  }))
  await opened.append(points, { received_at })
  await opened.append([{ t: 1 }, { ts: 5, data: { t: 2 } }], { received_at, device_num: 2 })
})
afterAll(() => opened.close())

type Query = Parameters<typeof listReadings>[2]
const list = (query: Partial<Query> = {}, num = 1) =>
  listReadings(opened.db, num, { ...everything, order: 'asc', limit: 1000, ...query })

/** Every reading of a query, a page at a time. */
async function pages(query: Partial<Query>): Promise<{ all: Reading[]; sizes: number[] }> {
  const all: Reading[] = []
  const sizes: number[] = []
  let cursor: string | undefined
  do {
    const page = await list({ ...query, cursor })
    all.push(...page.readings)
    sizes.push(page.readings.length)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { all, sizes }
}

test('a range is [start, end)', async () => {
  const { readings, next_cursor } = await list({ start_time: begin + 10, end_time: begin + 40 })
  expect(times(readings)).toEqual([10, 20, 30])
  expect(next_cursor).toBeNull()
})

test('readings come in either order', async () => {
  expect(times((await list({ limit: 3 })).readings)).toEqual([0, 10, 20])
  expect(times((await list({ limit: 3, order: 'desc' })).readings)).toEqual([2490, 2480, 2470])
})

test('a reading shows its times, data, metadata and quality, and nothing else', async () => {
  const { readings } = await list({ start_time: begin + 30, end_time: begin + 31 })
  expect(readings).toEqual([{ ts: begin + 30, received_at, data: { even: false }, metadata: { battery: 80 } }])
  const [plain, replaced] = (await list({}, 2)).readings
  expect(plain).toEqual({ ts: received_at, received_at, data: { t: 1 } })
  expect(replaced).toEqual({ ts: received_at + 1, received_at, data: { t: 2 }, quality: 'received' })
})

describe('pages neither lose nor repeat', () => {
  test.each([
    ['asc', 1],
    ['asc', 7],
    ['desc', 7],
    ['asc', 50],
    ['desc', 249],
    ['asc', 250],
    ['asc', 251],
  ] as const)('%s, %d at a time', async (order, limit) => {
    const { all, sizes } = await pages({ order, limit })
    const expected = Array.from({ length: 250 }, (_, i) => i * 10)
    expect(times(all)).toEqual(order === 'asc' ? expected : expected.toReversed())
    expect(sizes.slice(0, -1).every(size => size === limit)).toBe(true)
    expect(sizes.at(-1)).toBeGreaterThan(0)
  })

  test('with chosen fields', async () => {
    const { all } = await pages({ fields: ['rare'], limit: 4 })
    expect(all.map(({ data }) => data.rare)).toEqual(Array.from({ length: 25 }, (_, i) => i * 10))
  })

  test('though points come in between', async () => {
    const first = await list({ limit: 100, order: 'desc' })
    await opened.append({ ts: begin + 2495, data: { late: 1 } }, { received_at })
    const rest = await list({ order: 'desc', cursor: first.next_cursor ?? '' })
    expect(times([...first.readings, ...rest.readings])).toEqual(
      Array.from({ length: 250 }, (_, i) => i * 10).toReversed(),
    )
    await opened.db
      .deleteFrom('samples')
      .where('ts', '=', begin + 2495)
      .execute()
  })
})

test('chosen fields are shown alone, and samples without any of them not at all', async () => {
  const { readings } = await list({ fields: ['a.b', 'nowhere'], limit: 2 })
  expect(readings.map(({ ts, data }) => [ts - begin, data])).toEqual([
    [0, { 'a.b': 'x' }],
    [100, { 'a.b': 'x' }],
  ])
  expect((await list({ fields: ['nowhere'] })).readings).toEqual([])
  expect((await list({ fields: ['a'] })).readings).toEqual([])
})

test('a cursor that was not ours is refused', async () => {
  const words = Buffer.from('"words"').toString('base64url')
  for (const cursor of ['x', words, Buffer.from('{}').toString('base64url')]) {
    await expect(list({ cursor })).rejects.toMatchObject({ code: 'invalid_request' })
  }
})

test('an export is every reading, oldest first', async () => {
  await opened.append(
    Array.from({ length: 1000 }, (_, i) => ({ ts: begin + i, data: { n: i } })),
    { device_num: 3, received_at },
  )
  await opened.append(
    Array.from({ length: 700 }, (_, i) => ({ ts: begin + 1000 + i, data: { n: 1000 + i, odd: true } })),
    { device_num: 3, received_at },
  )
  const all: unknown[] = []
  for await (const page of exportReadings(opened.db, 3, everything)) all.push(...page.map(({ data }) => data.n))
  expect(all).toEqual(Array.from({ length: 1700 }, (_, i) => i))
})

describe('among many more samples than are looked through at once', () => {
  beforeAll(async () => {
    const samples = Array.from({ length: 25_000 }, (_, i) => ({
      ...{ device_num: 4, ts: begin + i },
      data: { b: i, ...(i % 6000 === 0 ? { seldom: i } : {}), ...(i === 24_000 ? { late: 1 } : {}) },
    }))
    await insertSamples(opened.db, samples, received_at)
  })

  test('the names of the fields in a range are told in order', async () => {
    expect(await fieldNames(opened.db, 4, everything)).toEqual(['b', 'late', 'seldom'])
    expect(await fieldNames(opened.db, 4, { start_time: begin + 1, end_time: begin + 6000 })).toEqual(['b'])
    expect(await fieldNames(opened.db, 4, { start_time: 0, end_time: begin })).toEqual([])
  })

  test.each(['asc', 'desc'] as const)('a field that occurs seldom is found, %s', async order => {
    const seldom = [0, 6000, 12_000, 18_000, 24_000]
    const expected = order === 'asc' ? seldom : seldom.toReversed()
    for (const limit of [1, 2, 5, 6]) {
      const all: unknown[] = []
      let cursor: string | null | undefined
      while (cursor !== null) {
        const page = await list({ fields: ['seldom'], order, limit, cursor }, 4)
        all.push(...page.readings.map(({ data }) => data.seldom))
        cursor = page.next_cursor
      }
      expect(all).toEqual(expected)
    }
  })

  test('a page of all fields comes from wherever the range lies', async () => {
    const { readings } = await list({ start_time: begin + 20_000, limit: 2 }, 4)
    expect(readings.map(({ data }) => data.b)).toEqual([20_000, 20_001])
  })
})
