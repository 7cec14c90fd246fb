import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { type AggregateQuery, aggregate, aggregations, type Series } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { rebuildRollups } from '../../src/telemetry/rebuild.js'
import { applyRetention } from '../../src/telemetry/retention.js'
import { until } from '../helper.js'
import { addDevice, openTestStore, type TestStore } from '../store/harness.js'
import { near } from './naive.js'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 2, 25)
/** Long after the samples came, so that no more of their hours are waited for. */
const later = Date.now() + day
/** A retention under which hours that end before these times have no samples, and no rollups by minute. */
const keep = (raw: number, minutes: number) => `raw=${hoursAgo(raw)}h,1m=${hoursAgo(minutes)}h`
const hoursAgo = (ts: number) => Math.floor((later - ts) / hour)

let opened: TestStore
let num: number
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
  num = await addDevice(opened.db, 'd', 'Europe/Paris')
})
afterEach(() => opened.close())

const count = (what: string) => opened.look(`select count(*) from ${what}`)
const states = () =>
  opened.look("select group_concat(state, '') from (select state from telemetry_hours order by start)")
const allClosed = () => until(() => count('telemetry_hours where state in (0, 5)') === 0, 30_000)

/** Runs it as often as the job would, until nothing more goes. */
async function retain(retention: string): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await applyRetention(opened.db, retention, later, () => false)
    await allClosed()
  }
}

/** Samples every so many seconds, from an hour after the beginning on. */
async function send(from: number, hours: number, seconds: number): Promise<void> {
  const random = createRandom(from)
  const points = Array.from({ length: (hours * 3600) / seconds }, (_, i) => ({
    ts: begin + from * hour + i * seconds * 1000 + 7,
    data: {
      t: random.gaussian(20, 5),
      on: random.chance(0.5),
      mixed: random.pick<number | string | boolean>([1, 'one', true]),
    },
  }))
  while (points.length > 0) await opened.append(points.splice(0, 1000), { device_num: num })
  await allClosed()
}

const ask = async (window: string, more: Partial<AggregateQuery> = {}) => {
  const query = { fields: ['t', 'on', 'mixed'], aggregations, window, timezone: 'Europe/Paris' }
  return aggregate(opened.db, num, { ...query, start_time: begin, end_time: begin + 6 * day, ...more })
}

/** The same answer, but for the last digits of sums in another order. */
const alike = (series: readonly Series[]) =>
  series.map(one => ({ ...one, points: one.points.map(point => ({ ...point, value: near(point.value) })) }))

test('answers over closed hours are the same before and after the samples went, by the minute, hour, day and month', async () => {
  await send(0, 2, 5)
  await send(5, 30, 300)
  await send(60, 3, 60)
  const windows = ['1h', '6h', '1d', '1w', '1mo', '15m', '1m'].map(
    window => () => (window === '1m' ? ask(window, { end_time: begin + 8 * hour }) : ask(window)),
  )
  const before = await Promise.all(windows.map(one => one()))
  await retain(keep(begin + 62 * hour, begin))
  // An hour is kept, of which a part is not too old yet.
  expect(count('telemetry')).toBe(60)
  expect(states()).toBe(`${'4'.repeat(34)}1`)
  expect(await Promise.all(windows.map(one => one()))).toEqual(before.map(alike))
})

test('where a window cuts an hour that nothing finer is left of, the hour counts whole for the one it begins in, once', async () => {
  await send(0, 4, 60)
  const whole = await ask('1d')
  await retain(keep(begin + day, begin + 2 * hour))
  expect(states()).toBe('3344')
  expect(count('rollups_1m')).toBe(2 * 60 * 3)
  const [counts] = (await ask('15m', { fields: ['t'], aggregations: ['count'] })).map(({ points }) => points)
  const found = counts?.map(({ start, count }) => [(start - begin) / hour, count])
  const quarters = [2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75].map(start => [start, 15])
  expect(found).toEqual([[0, 60], [1, 60], ...quarters])
  // Neighbouring ranges still add up, wherever they meet.
  for (const window of ['1d', '7m', '10s']) {
    const parts = [0, 20.5, 61.25, 130.75, 1440].map(minute => begin + minute * 60_000)
    let sum = 0
    for (const [i, end_time] of parts.entries()) {
      const range = { start_time: parts[i - 1] ?? end_time, end_time }
      const [series] = await ask(window, { fields: ['t'], aggregations: ['count'], ...range })
      for (const point of series?.points ?? []) sum += point.count
    }
    expect(sum, window).toBe(240)
  }
  expect(await ask('1d')).toEqual(alike(whole))
})

test('a sample that comes when those of its hour are gone is counted and not kept, and the rollups stay as they are', async () => {
  await send(0, 2, 60)
  const answers = async () => [await ask('1h'), await ask('1d')]
  const before = await answers()
  await retain(keep(begin + hour, begin))
  const late = { ts: begin + 1000, data: { t: 1000, fresh: 1 } }
  expect(await opened.append([late, { ts: begin + hour + 1000, data: { only: 1 } }], { device_num: num })).toBeNull()
  await allClosed()
  expect(await answers()).toEqual(before.map(alike))
  expect(opened.look('select samples from telemetry_late')).toBe(1)
  expect(count('telemetry')).toBe(61)
  expect(opened.look('select latest from latest')).not.toContain('fresh')
})

test('an hour of which samples have just come waits for more', async () => {
  await send(0, 1, 60)
  const retention = keep(begin + day, begin + day)
  expect(await applyRetention(opened.db, retention, Date.now(), () => false)).toBe(0)
  expect(await applyRetention(opened.db, retention, later, () => false)).toBe(60)
})

test('what an interrupted run has left is deleted by the next one, and rollups made anew spare hours whose samples are gone', async () => {
  await send(0, 3, 5)
  const before = await ask('1h')
  await opened.db
    .updateTable('telemetry_hours')
    .set({ state: 4 })
    .where('start', '>=', begin + hour)
    .execute()
  await opened.db
    .deleteFrom('samples')
    .where('ts', '>=', begin + hour)
    .where('ts', '<', begin + hour + 1000_000)
    .execute()
  await opened.store.close()
  expect(rebuildRollups(opened.file, 'normal', () => undefined)).toBe(1)
  opened = await openTestStore({ file: opened.file })
  expect(states()).toBe('244')
  expect(await applyRetention(opened.db, 'raw=forever', later, () => false)).toBe(2 * 720 - 200)
  expect(await ask('1h')).toEqual(alike(before))
})

test('whoever deletes a range deletes the rollups in it that stand for samples gone', async () => {
  await send(0, 3, 60)
  await retain(keep(begin + day, begin))
  await deleteReadings(opened.db, num, { start_time: begin, end_time: begin + 2 * hour })
  expect((await ask('1d', { fields: ['t'], aggregations: ['count'] }))[0]?.points.map(point => point.count)).toEqual([
    60,
  ])
  expect([count('rollups_1m'), count('rollups_1h'), states()]).toEqual([180, 3, '4'])
})

test('a device, and else its home, may have a retention of its own', async () => {
  const others = await Promise.all(['own', 'of-home'].map(id => addDevice(opened.db, id, 'Europe/Paris')))
  await opened.db.updateTable('homes').set({ retention: 'raw=forever' }).where('id', '!=', 'home-d').execute()
  await opened.db.updateTable('devices').set({ retention: 'raw=1h' }).where('id', '=', 'own').execute()
  for (const device_num of [num, ...others]) await opened.append([{ ts: begin, data: { t: 1 } }], { device_num })
  await allClosed()
  await retain('raw=30d,1m=30d')
  const left = await opened.db.selectFrom('telemetry').innerJoin('devices', 'num', 'device_num').select('id').execute()
  const expected = later - begin > 30 * day ? ['of-home'] : ['d', 'of-home']
  expect(left.map(({ id }) => id)).toEqual(expected)
})

test('other writes are committed between the steps', async () => {
  await send(0, 3, 1)
  const seen = new Set<unknown>()
  let done = false
  const retaining = applyRetention(opened.db, keep(begin + day, begin), later, () => false).then(() => {
    done = true
  })
  while (!done) {
    await opened.append({ t: 1 }, { device_num: num + 1 })
    seen.add(count(`telemetry where device_num = ${num}`))
  }
  await retaining
  expect(seen.size).toBeGreaterThan(3)
  expect(count(`telemetry where device_num = ${num}`)).toBe(0)
})
