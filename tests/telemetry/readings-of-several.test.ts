import { afterAll, beforeAll, expect, test } from 'vitest'
import { listReadingsOfSeveral } from '../../src/telemetry/readings-of-several.js'
import { insertSamples, openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
const devices = new Map([1, 2, 3].map(num => [num, `d${num}`]))
const samples = 9000

beforeAll(async () => {
  opened = await openTestStore({ sync: 'normal' })
  const rows = Array.from({ length: samples }, (_, i) =>
    [1, 2, 3].map(device_num => ({
      ...{ device_num, ts: i },
      data: { n: i, ...(i % 1000 === 7 && device_num !== 2 ? { seldom: i } : {}) },
    })),
  ).flat()
  await insertSamples(opened.db, rows)
})
afterAll(() => opened.close())

type Query = Parameters<typeof listReadingsOfSeveral>[2]

/** Every sample of a query, a page at a time, as time and device. */
async function pages(query: Pick<Query, 'order' | 'limit' | 'fields'>): Promise<string[]> {
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const all = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER, ...query, cursor }
    const { readings, next_cursor } = await listReadingsOfSeveral(opened.db, devices, all)
    seen.push(...readings.map(({ ts, device_id }) => `${ts} ${device_id}`))
    cursor = next_cursor ?? undefined
  } while (cursor !== undefined)
  return seen
}

test.each(['asc', 'desc'] as const)('pages among many samples neither lose nor repeat any, %s', async order => {
  const expected = Array.from({ length: samples }, (_, i) => [1, 2, 3].map(num => `${i} d${num}`)).flat()
  expect(await pages({ order, limit: 1000 })).toEqual(order === 'asc' ? expected : expected.toReversed())
})

test.each(['asc', 'desc'] as const)('a field that occurs seldom is found, %s', async order => {
  const expected = Array.from({ length: 9 }, (_, i) => [1, 3].map(num => `${i * 1000 + 7} d${num}`)).flat()
  for (const limit of [1, 2, 5, 18])
    expect(await pages({ order, limit, fields: ['seldom'] })).toEqual(
      order === 'asc' ? expected : expected.toReversed(),
    )
})

test('a page holds no more bytes than a page of one device', async () => {
  const text = 'x'.repeat(250_000)
  for (let i = 0; i < 40; i++)
    await opened.append({ ts: Date.UTC(2025, 0, 1) + i, data: { text } }, { device_num: 4 + (i % 2) })
  const both = new Map([4, 5].map(num => [num, `d${num}`]))
  const query = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER, order: 'asc', limit: 1000 } as const
  const { readings, next_cursor } = await listReadingsOfSeveral(opened.db, both, query)
  expect(readings).toHaveLength(16)
  expect(next_cursor).not.toBeNull()
})
