import { afterEach, beforeEach, expect, test } from 'vitest'
import { deleteDevice } from '../../src/devices/devices.js'
import { createRule } from '../../src/rules/rules.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { fieldNames, listReadings, type Reading } from '../../src/telemetry/readings.js'
import { rebuildRollups } from '../../src/telemetry/rebuild.js'
import { until } from '../helper.js'
import { addDevice, addHome, openRaw, openTestStore, type TestStore } from '../store/harness.js'
import { packAll } from './packed.js'

const hour = 3_600_000
const begin = Date.UTC(2026, 3, 1)

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterEach(() => opened.close())

const count = (what: string) => opened.look(`select count(*) from ${what}`)
const send = (points: readonly { ts?: number; data: Record<string, unknown> }[], received_at = Date.now()) =>
  opened.append(points, { device_num: 1, received_at })

/** A sample each four seconds: each hour has two blocks. */
async function sendHours(hours: number): Promise<void> {
  for (let from = 0; from < 900 * hours; from += 900)
    await send(
      Array.from({ length: 900 }, (_, i) => ({
        ts: begin + (from + i) * 4000,
        data: { n: from + i, on: i % 2 === 0 },
      })),
    )
}

async function listed(order: 'asc' | 'desc', limit: number, more: object = {}): Promise<Reading[]> {
  const all: Reading[] = []
  const query = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER, order, limit, ...more }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await listReadings(opened.db, 1, { ...query, cursor })
    expect(page.readings.length).toBeLessThanOrEqual(limit)
    all.push(...page.readings)
    cursor = page.next_cursor
  }
  return all
}

const sums = async () => {
  const query = { fields: ['n'], aggregations: ['sum', 'count', 'first', 'last', 'increase'] as const, timezone: 'UTC' }
  const range = { start_time: begin + 1000, end_time: begin + 3 * hour - 1000 }
  return Promise.all(['10s', '7m', '1h'].map(window => aggregate(opened.db, 1, { ...query, ...range, window })))
}

test('hours that are packed take less room, and are answered as before', async () => {
  await sendHours(3)
  const [before, said] = [await listed('asc', 1000), await sums()]
  await packAll(opened)
  expect([count('samples'), count('sample_blocks')]).toEqual([0, 6])
  expect(await listed('asc', 1000)).toEqual(before)
  expect(await listed('desc', 97)).toEqual(before.toReversed())
  expect(await sums()).toEqual(said)
  expect(await fieldNames(opened.db, 1, { start_time: begin, end_time: begin + hour })).toEqual(['n', 'on'])
})

test('late samples lie beside the blocks until these are packed again', async () => {
  await sendHours(2)
  await packAll(opened)
  const late = [1, 2, 3].map(i => ({ ts: begin + i * 1_000_001, data: { late: i } }))
  await send(late)
  const all = await listed('asc', 1000)
  expect(all.length).toBe(1803)
  expect(all.map(({ ts }) => ts)).toEqual(all.map(({ ts }) => ts).sort((one, other) => one - other))
  expect(await listed('desc', 500)).toEqual(all.toReversed())
  const chosen = await listed('asc', 2, { fields: ['late'] })
  expect(chosen.map(({ ts, data }) => ({ ts, data }))).toEqual(late)
  const said = await sums()
  await packAll(opened)
  expect(count('samples')).toBe(0)
  expect(await listed('asc', 1000)).toEqual(all)
  expect(await sums()).toEqual(said)
})

test('a sample that is there already changes nothing, and fields that it did not have are added', async () => {
  await sendHours(1)
  await packAll(opened)
  await send([
    { ts: begin, data: { n: 77 } },
    { ts: begin + 4000, data: { n: 77, more: 'yes' } },
  ])
  expect([count('samples'), count('telemetry')]).toEqual([0, 900])
  const [first, second] = await listed('asc', 1000)
  expect([first?.data, second?.data]).toEqual([
    { n: 0, on: true },
    { n: 1, on: false, more: 'yes' },
  ])
  expect((await listed('asc', 10, { fields: ['more'] })).length).toBe(1)
})

test('a sample that grows does not make its block large', async () => {
  await sendHours(1)
  await packAll(opened)
  const text = 'x'.repeat(60_000)
  await send([1, 2, 3].map(i => ({ ts: begin + i * 4000, data: { text } })))
  expect(opened.look('select count(*) from sample_blocks where bytes > 65536')).toBe(0)
  expect(opened.look('select sum(samples) from sample_blocks')).toBe(900)
  expect((await listed('asc', 1000)).filter(({ data }) => data.text === text)).toHaveLength(3)
})

test('a range that cuts blocks is deleted exactly, and what is left can be packed again', async () => {
  await sendHours(2)
  await packAll(opened)
  const before = await listed('asc', 1000)
  const range = { start_time: begin + 100_001, end_time: begin + hour + 500_000 }
  const left = before.filter(({ ts }) => ts < range.start_time || ts >= range.end_time)
  expect(await deleteReadings(opened.db, 1, range)).toBe(before.length - left.length)
  expect(await listed('asc', 1000)).toEqual(left)
  const said = await sums()
  await packAll(opened)
  expect([await listed('asc', 1000), await sums()]).toEqual([left, said])
})

test('a clock that was set back finds free times behind what is packed', async () => {
  await send(Array.from({ length: 600 }, (_, i) => ({ ts: begin + i, data: { n: i } })))
  await packAll(opened)
  expect(count('sample_blocks')).toBe(2)
  await send([{ data: { n: 600 } }, { data: { n: 601 } }], begin)
  const all = await listed('asc', 1000)
  expect(all.slice(-2).map(({ ts, data }) => [ts - begin, data.n])).toEqual([
    [600, 600],
    [601, 601],
  ])
})

test('few samples stay in rows, where a block would be larger', async () => {
  await send([{ ts: begin, data: { n: 1 } }])
  await packAll(opened)
  expect([count('samples'), count('sample_blocks')]).toEqual([1, 0])
})

test('samples of many names are stored, in rows that name their fields themselves', async () => {
  const points = Array.from({ length: 100 }, (_, i) => ({ ts: begin + i * 1000, data: { [`n${i}`]: i } }))
  await send(points)
  expect(count('telemetry_shapes')).toBe(64)
  expect((await listed('asc', 1000)).map(({ ts, data }) => ({ ts, data }))).toEqual(points)
  expect(await fieldNames(opened.db, 1, { start_time: 0, end_time: begin + hour })).toHaveLength(100)
  const [series] = await aggregate(opened.db, 1, {
    ...{ fields: ['n70'], aggregations: ['last'], window: '1m', timezone: 'UTC' },
    ...{ start_time: begin, end_time: begin + hour },
  })
  expect(series?.points.map(({ value }) => value)).toEqual([70])
})

test('rollups are made anew from what is packed', async () => {
  await sendHours(2)
  await packAll(opened)
  const said = await sums()
  await opened.db.updateTable('rollups_1h').set({ sum: -1 }).execute()
  await opened.store.close()
  expect(rebuildRollups(opened.file, 'normal', () => undefined)).toBe(2)
  opened = await openTestStore({ file: opened.file })
  expect(await sums()).toEqual(said)
})

test('a deleted device leaves neither blocks nor shapes', async () => {
  await addDevice(opened.db)
  await sendHours(2)
  await packAll(opened)
  await deleteDevice(opened.db, 'd', () => undefined)
  expect(['samples', 'sample_blocks', 'telemetry_shapes', 'telemetry_hours'].map(count)).toEqual([0, 0, 0, 0])
})

test('what came when the hub ended, and rules may not have evaluated, is not packed at the start after it', async () => {
  await sendHours(2)
  await until(() => count('telemetry_hours where state = 0') === 0)
  await addHome(opened.db, 'home')
  const condition = { type: 'no_data', seconds: 60 } as const
  const place = { home_id: 'home', device_id: null, group_id: null, type: null }
  const words = { name: 'x', severity: 'info', message: null, created_by: 'x' } as const
  const timing = { condition, active_hours: null, clear_after_seconds: 0, auto_clear: true, enabled: true }
  await createRule(opened.db, { ...place, ...words, ...timing })
  await opened.store.close()
  const now = Date.now()
  const raw = openRaw(opened.file)
  raw.prepare('update rule_evaluation set until = ?').run(now - 3 * hour)
  // The first was closed before that, the second after it.
  raw.prepare('update telemetry_hours set pack_at = ? where start = ?').run(now - 2 * hour - 1, begin)
  raw.prepare('update telemetry_hours set pack_at = ? where start = ?').run(now - hour, begin + hour)
  raw.close()
  opened = await openTestStore({ sync: 'normal', file: opened.file })
  await until(() => count(`telemetry_hours where pack_at is null and start = ${begin}`) === 1)
  expect(count(`samples where ts >= ${begin + hour}`)).toBe(900)
})
