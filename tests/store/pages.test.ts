import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeCursor } from '../../src/page.js'
import { maxPageBytes, readPage } from '../../src/store/pages.js'
import { insertSamples, openTestStore, type TestStore } from './harness.js'

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore()
})
afterEach(() => opened.close())

const keep = (ts: number, bytes: number) =>
  insertSamples(opened.db, [{ device_num: 1, ts, data: { text: 'x'.repeat(bytes) } }])

function page(limit: number, after = 0, large = ['data', 'metadata']) {
  const query = opened.db.selectFrom('samples').select(['ts', 'data']).where('ts', '>', after).orderBy('ts')
  return readPage(query, { limit, keyOf: row => row.ts, large })
}
const times = ({ rows }: { rows: { ts: number }[] }) => rows.map(({ ts }) => ts)

test('a page of more rows than its limit points behind its last, and the last page has no next', async () => {
  for (const ts of [1, 2, 3]) await keep(ts, 1)
  for (const large of [[], ['data']]) {
    const first = await page(2, 0, large)
    expect(times(first)).toEqual([1, 2])
    expect(decodeCursor(first.next_cursor ?? '', 'number')).toBe(2)
    expect(await page(2, 2, large)).toMatchObject({ rows: [{ ts: 3 }], next_cursor: null })
    expect(await page(3, 0, large)).toMatchObject({ next_cursor: null })
    expect(await page(3, 3, large)).toEqual({ rows: [], next_cursor: null })
  }
})

test('a page ends where its rows would hold too much, and the next goes on from there', async () => {
  for (const ts of [1, 2, 3, 4, 5]) await keep(ts, maxPageBytes / 2 - 100)
  const seen: number[] = []
  for (let after = 0, pages = 0; pages < 3; pages++) {
    const { rows, next_cursor } = await page(1000, after)
    seen.push(...times({ rows }))
    expect(rows.length).toBe(pages < 2 ? 2 : 1)
    expect(next_cursor === null).toBe(pages === 2)
    after = rows.at(-1)?.ts ?? 0
  }
  expect(seen).toEqual([1, 2, 3, 4, 5])
})

test('a row larger than a page is a page of its own', async () => {
  await keep(1, maxPageBytes + 1)
  await keep(2, 1)
  expect(times(await page(10))).toEqual([1])
  expect(times(await page(10, 1))).toEqual([2])
})
