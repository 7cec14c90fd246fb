import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { aggregate, aggregations, type Series } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { applyRetention } from '../../src/telemetry/retention.js'
import { until } from '../helper.js'
import { addDevice, openTestStore, type TestStore } from '../store/harness.js'
import { near } from './naive.js'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 2, 25)
const later = Date.now() + day
const since = (ts: number) => `${Math.floor((later - ts) / hour)}h`

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
  await addDevice(opened.db)
})
afterEach(() => opened.close())

const count = (what: string) => opened.look(`select count(*) from ${what}`)
const all = ['samples', 'rollups_1m', 'rollups_1h', 'rollups_1d', 'telemetry_hours', 'telemetry_days']
const states = () =>
  opened.look("select group_concat(state, '') from (select state from telemetry_hours order by start)")
const allClosed = () => until(() => count('telemetry_hours where state in (0, 5)') === 0, 30_000)

/** Four samples each second hour, from five in the morning on. */
async function sendDays(days: number): Promise<void> {
  const random = createRandom(days)
  for (let from = 0; from < days; from++) {
    const points = Array.from({ length: 40 }, (_, i) => ({
      ts: begin + from * day + (5 + 2 * Math.floor(i / 4)) * hour + (i % 4) * 15 * 60_000,
      data: { t: random.gaussian(20, 5), n: from * 100 + i },
    }))
    await opened.append(points.filter(({ ts }) => ts < begin + (from + 1) * day))
  }
  await allClosed()
}

/** All but the days before a time; those before another go as well. */
async function retain(hoursFrom: number, daysFrom = 0): Promise<void> {
  const days = daysFrom > 0 ? `,1d=${since(daysFrom)}` : ''
  const hours = since(hoursFrom)
  await applyRetention(opened.db, `raw=${hours},1m=${hours},1h=${hours}${days}`, later, () => false)
}

const ask = (window: string, timezone = 'UTC', start_time = begin, end_time = begin + 10 * day) =>
  aggregate(opened.db, 1, { fields: ['t', 'n'], aggregations, window, timezone, start_time, end_time })
const alike = (series: readonly Series[]) =>
  series.map(one => ({ ...one, points: one.points.map(point => ({ ...point, value: near(point.value) })) }))
const counts = async (...asked: Parameters<typeof ask>) =>
  (await ask(...asked)).find(({ field, aggregation }) => field === 't' && aggregation === 'count')?.points ?? []
const sum = (points: readonly { count: number }[]) => points.reduce((total, point) => total + point.count, 0)

test('when rollups by hour go, windows of days and longer are answered as before, and shorter ones have nothing there', async () => {
  await sendDays(5)
  const windows = ['1d', '2d', '1w', '1mo']
  const before = await Promise.all(windows.map(window => ask(window)))
  const hours = await counts('1h')
  await retain(begin + 3 * day + 2 * hour)
  expect(states()).toBe(`${'6'.repeat(30)}${'1'.repeat(20)}`)
  expect([count('rollups_1h'), count('rollups_1d'), count('telemetry_days where state = 2')]).toEqual([40, 10, 3])
  expect(await Promise.all(windows.map(window => ask(window)))).toEqual(before.map(alike))
  expect(await counts('1h')).toEqual(hours.filter(({ start }) => start >= begin + 3 * day))
  expect(await counts('15m', 'UTC', begin, begin + day)).toEqual([])
})

test('a lone day that the edge of a window or a range cuts counts whole for that which it begins in', async () => {
  await sendDays(4)
  await retain(begin + 4 * day)
  const far = await counts('1d', 'Pacific/Auckland', begin - day, begin + 10 * day)
  // Its midnight is at 11:00 UTC, so that each day begins in the one before.
  expect(far).toEqual([0, 1, 2, 3].map(i => ({ start: begin + i * day - 13 * hour, value: 40, count: 40 })))
  const edges = [-1, 0.3, 1, 2.9, 3.2, 9].map(days => begin + days * day)
  const parts = edges.slice(1).map((end, i) => counts('1d', 'UTC', edges[i], end))
  expect((await Promise.all(parts)).map(sum)).toEqual([40, 0, 80, 40, 0])
})

test('a sample that comes when only the day is left of its time is counted and not kept', async () => {
  await sendDays(3)
  await retain(begin + 2 * day)
  const before = await ask('1d')
  for (const late of [0, 5, 6, 23.9]) await opened.append([{ ts: begin + late * hour, data: { t: 1000 } }])
  await opened.append([{ ts: begin - 5 * hour, data: { t: 1 } }])
  await allClosed()
  expect(opened.look('select samples from telemetry_late')).toBe(4)
  expect(await ask('1d')).toEqual(before)
  expect(sum(await counts('1mo', 'UTC', begin - day))).toBe(121)
})

test('days go too where that is said, and then nothing is left of them', async () => {
  await sendDays(3)
  await retain(begin + 2 * day, begin + 2 * day)
  expect(all.map(count)).toEqual([40, 0, 20, 2, 10, 1])
  expect((await counts('1mo')).map(point => point.count)).toEqual([40])
  await retain(begin + 9 * day, begin + 9 * day)
  expect(all.map(count)).toEqual([0, 0, 0, 0, 0, 0])
})

test('where midnight is not on the hour there are no days, and hours stay as long as days', async () => {
  await opened.db.updateTable('homes').set({ timezone: 'Asia/Kolkata' }).execute()
  await sendDays(3)
  const before = await ask('1d', 'Asia/Kolkata')
  await retain(begin + 9 * day)
  expect(states()).toBe('3'.repeat(30))
  expect((await ask('1h')).length).toBe(before.length)
  expect(sum(await counts('1d', 'Asia/Kolkata'))).toBe(120)
  await retain(begin + 9 * day, begin + 9 * day)
  expect(all.map(count)).toEqual([0, 0, 0, 0, 0, 0])
})

test('days of another time zone do not stand for the same hours twice', async () => {
  await sendDays(3)
  await opened.append([{ ts: begin + day + hour, data: { t: 1 } }])
  await allClosed()
  await opened.db.updateTable('homes').set({ timezone: 'America/New_York' }).execute()
  // Makes a day of the new zone, which ends within one of the old.
  await opened.append([{ ts: begin + 6 * hour, data: { t: 1 } }])
  await allClosed()
  expect([sum(await counts('1mo')), sum(await counts('1w', 'America/New_York'))]).toEqual([122, 122])
  await retain(begin + 2 * day)
  await opened.append([{ ts: begin + 3 * day + hour, data: { t: 1 } }])
  await allClosed()
  expect([sum(await counts('1mo')), sum(await counts('1w', 'America/New_York'))]).toEqual([123, 123])
})

test('what was interrupted is gone on with, whatever is to be kept by then', async () => {
  await sendDays(2)
  const before = await ask('1d')
  await opened.db.updateTable('telemetry_hours').set({ state: 6 }).execute()
  await opened.db.updateTable('telemetry_days').set({ state: 1 }).execute()
  await applyRetention(opened.db, 'raw=forever', later, () => false)
  expect([count('samples'), count('rollups_1h'), count('telemetry_days where state = 2')]).toEqual([0, 0, 2])
  expect(await ask('1d')).toEqual(alike(before))
})

test('whoever deletes a range deletes the lone days that lie in it, and no others', async () => {
  await sendDays(3)
  await retain(begin + 9 * day)
  await deleteReadings(opened.db, 1, { start_time: begin + hour, end_time: begin + 2 * day + hour })
  expect(all.map(count)).toEqual([0, 0, 0, 4, 20, 2])
  expect((await counts('1d')).map(({ start }) => (start - begin) / day)).toEqual([0, 2])
})
