import { afterEach, beforeEach, expect, test } from 'vitest'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { fieldNames, listReadings } from '../../src/telemetry/readings.js'
import { listReadingsOfSeveral } from '../../src/telemetry/readings-of-several.js'
import { until } from '../helper.js'
import { codeOf, openRaw, openTestStore, type TestStore } from '../store/harness.js'
import { packAll } from './packed.js'

const hour = 3_600_000
const begin = Date.UTC(2026, 3, 1)

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterEach(() => opened.close())

const count = (what: string) => opened.look(`select count(*) from ${what}`)
const times = <Item>(length: number, make: (i: number) => Item) => Array.from({ length }, (_, i) => make(i))

/** Full hours, as if a day had gone by. */
async function packHours(device_num: number, hours: number, later = 0): Promise<void> {
  for (let h = 0; h < hours; h++)
    await opened.append(
      times(512, i => ({ ts: begin + h * hour + i * 7000 + later, data: { n: i, text: `${i}`.repeat(12) } })),
      { device_num },
    )
  await packAll(opened)
}

test('of fields without number a thousand are rolled up, nobody waits for it, and the others are answered from the samples', async () => {
  const points = times(1000, i => ({
    ts: begin + i * 1000,
    data: Object.fromEntries(times(20, k => [`${i * 20 + k}`, i])),
  }))
  expect(await opened.append(points)).toBeNull()
  const slowest = { ms: 0 }
  await until(async () => {
    const asked = performance.now()
    await opened.store.probe()
    slowest.ms = Math.max(slowest.ms, performance.now() - asked)
    return count('telemetry_hours where state = 0') === 0
  })
  expect(count('telemetry_fields')).toBe(1000)
  expect(slowest.ms).toBeLessThan(2000)
  const fields = ['0', '40', '19999', 'nowhere']
  const series = await aggregate(opened.db, 1, {
    ...{ fields, aggregations: ['sum', 'increase'], window: '1h', timezone: 'UTC' },
    ...{ start_time: begin, end_time: begin + hour },
  })
  const point = (value: number) => [{ start: begin, value, count: 1 }]
  expect(series.map(({ points }) => points)).toEqual([
    point(0),
    point(0),
    point(2),
    point(0),
    point(999),
    point(0),
    [],
    [],
  ])
})

test('a message that is marked as sent again is not compared with thousands of others one by one', async () => {
  const text = 'x'.repeat(200)
  for (let m = 0; m < 20; m++)
    await opened.append(
      times(1000, n => ({ data: { n, text } })),
      { message_id: 1 },
    )
  const other = { message_id: 1, dup: true }
  await Promise.all(times(100, () => opened.append([{ data: { other: 1 } }], other)))
  expect(count('samples')).toBe(20_001)
})

test('where each millisecond of the next minutes is taken, what has no time is refused at once', async () => {
  const received_at = Date.now()
  const after = times(302, m => times(1000, i => ({ ts: received_at + m * 1000 + i, data: { n: i } })))
  await Promise.all(after.map(points => opened.append(points, { received_at: received_at + 10_000 })))
  const refused = await Promise.all(times(50, () => opened.append([{ data: { n: 1 } }], { received_at })))
  expect(new Set(refused)).toEqual(new Set(['more readings without a time than there are milliseconds']))
})

test('a sample does not grow beyond a message', async () => {
  const grown = await Promise.all(times(10, m => opened.append({ ts: begin, data: { [`f${m}`]: 'x'.repeat(40_000) } })))
  expect(grown.slice(0, 6)).toEqual(times(6, () => null))
  expect(grown.slice(6)).toEqual(times(4, () => 'more than 262144 characters at one time'))
})

test('a message with points in very many packed hours is refused, and others are not held up by it', async () => {
  await packHours(1, 150)
  const inEach = (length: number, data: object) => times(length, h => ({ ts: begin + h * hour, data }))
  expect(await opened.append(inEach(150, { more: 1 }))).toMatch(/too many hours/)
  expect(await opened.append(inEach(20, { more: 1 }))).toBeNull()
  expect(opened.look(`select count(*) from sample_blocks where names like '%more%'`)).toBe(20)
  const inTurns = times(300, i => ({ ts: begin + (i % 10) * hour + i * 7000, data: { yet: 0 } }))
  expect(await opened.append(inTurns)).toBeNull()
  const inOne = times(500, i => ({ ts: begin + i * 7000, data: { still: i } }))
  expect(await opened.append(inOne)).toBeNull()
  expect(opened.look(`select sum(data ->> '$.still') from telemetry where ts < ${begin + hour}`)).toBe((499 * 500) / 2)
}, 30_000)

/** The same database, and how many rows each query has from it, those that are one array counted one by one. */
function spy() {
  const asked: number[] = []
  const spied = opened.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      const counts = result.rows.map(({ data }) => (Array.isArray(data) ? data.length : 1))
      asked.push(counts.reduce((sum, count) => sum + count, 0))
      return result
    },
  })
  return { asked, spied }
}

test('of very many names the first thousand are the columns of a file, and no more are read at a time', async () => {
  for (let m = 0; m < 3; m++)
    await opened.append(
      times(100, i => ({ ts: begin + m * hour + i, data: Object.fromEntries(times(20, k => [`f${m}${i}.${k}`, 1])) })),
    )
  const { asked, spied } = spy()
  const names = await fieldNames(spied, 1, { start_time: 0, end_time: begin + 3 * hour })
  const all = times(3, m => times(100, i => times(20, k => `f${m}${i}.${k}`))).flat(2)
  expect(names).toEqual([...new Set(all)].sort().slice(0, 1000))
  expect(Math.max(...asked)).toBe(1000)
})

/** Asks for a page of several devices. @returns whose samples these are, and how many rows were read at a time */
async function pageOf(nums: readonly number[], query: { order: 'asc' | 'desc'; limit: number; start_time: number }) {
  const { asked, spied } = spy()
  const devices = new Map(nums.map(num => [num, `d${num}`]))
  const end_time = begin + 19 * hour + 1_800_000
  const { readings } = await listReadingsOfSeveral(spied, devices, { ...query, end_time })
  return { ids: readings.map(({ device_id }) => device_id), asked }
}

test.each(['asc', 'desc'] as const)(
  'a small page of several devices with packed hours is a small query, %s',
  async order => {
    for (const num of [1, 2, 3]) await packHours(num, 20)
    const { ids, asked } = await pageOf([1, 2, 3], { order, limit: 1, start_time: begin + 1_800_000 })
    expect(ids).toEqual([order === 'asc' ? 'd1' : 'd3'])
    expect(Math.max(...asked)).toBeLessThan(10)
  },
)

test.each(['asc', 'desc'] as const)('blocks of several devices are read once though they overlap, %s', async order => {
  const nums = times(20, i => i + 1)
  for (const num of nums) await packHours(num, 1, num)
  const { ids, asked } = await pageOf(nums, { order, limit: 40, start_time: 0 })
  const each = nums.map(num => `d${num}`)
  expect(ids).toEqual(order === 'asc' ? [...each, ...each] : [...each, ...each].toReversed())
  expect(asked.reduce((sum, rows) => sum + rows)).toBeLessThan(2 * nums.length)
})

test('a damaged block is told to those who ask for it, and holds up neither other samples nor what is done with them', async () => {
  await packHours(1, 2)
  const raw = openRaw(opened.file)
  raw.prepare(`update sample_blocks set data = x'ff00ff' where start = ${begin}`).run()
  raw.close()
  const ask = (start_time: number) =>
    codeOf(listReadings(opened.db, 1, { start_time, end_time: start_time + hour, order: 'asc', limit: 10 }))
  const sum = { fields: ['n'], aggregations: ['sum'] as const, window: '10s', timezone: 'UTC' }
  expect(await ask(begin)).toBe('storage_unavailable')
  expect(await codeOf(aggregate(opened.db, 1, { ...sum, start_time: begin, end_time: begin + hour }))).toBe(
    'storage_unavailable',
  )
  expect(await ask(begin + hour)).toBeNull()
  const late = { ts: begin + 1, data: { n: 1 } }
  expect(await Promise.all([opened.append([late]), opened.append([late], { device_num: 2 })])).toEqual([null, null])
  await packHours(3, 1)
  expect(count('telemetry_hours where state = 0')).toBe(0)
  expect(count(`sample_blocks where data = x'ff00ff'`)).toBe(1)
  await deleteReadings(opened.db, 1, { start_time: begin, end_time: begin + hour })
  expect(await ask(begin)).toBeNull()
})
