import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keepToBudget, noteSize, storageOf } from '../../src/telemetry/budget.js'
import { until } from '../helper.js'
import { openTestStore, type TestStore } from '../store/harness.js'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 2, 25)
const later = Date.now() + day
const unlimited = { storage_budget: '0', disk_reserve: '0' }
const forever = () => false

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterEach(() => opened.close())

const count = (what: string) => opened.look(`select count(*) from ${what}`) as number

/** Devices with this many hours, each of 3600 samples. */
async function fill(devices: number, hours: number): Promise<void> {
  const made = { created_at: 0, updated_at: 0 }
  await opened.db
    .insertInto('homes')
    .values({ id: 'home', name: 'home', timezone: 'UTC', ...made })
    .execute()
  for (let n = 1; n <= devices; n++) {
    const device = { id: `d${n}`, home_id: 'home', name: 'd', type: 'x', status: 'active' as const, ...made }
    await opened.db.insertInto('devices').values(device).execute()
    const points = Array.from({ length: 3600 * hours }, (_, i) => ({
      ts: begin + i * 1000,
      data: { t: i, wet: i % 2 },
    }))
    while (points.length > 0) await opened.append(points.splice(0, 1000), { device_num: n })
  }
  await until(() => count('telemetry_hours where state = 0') === 0, 30_000)
}

const used = async () => (await opened.store.size()).used_bytes
const keep = (bytes: number) =>
  keepToBudget(opened.store, { ...unlimited, storage_budget: `${bytes}B` }, later, forever)

test('beyond the budget the oldest samples of all devices go, then minutes, and never an hour', async () => {
  await fill(2, 24)
  const full = await used()
  expect(await keep(full)).toBe(0)
  expect(await keep(full - 1_000_000)).toBeGreaterThan(0)
  expect(await used()).toBeLessThanOrEqual(full - 1_000_000)
  const held = [1, 2].map(n => opened.look(`select min(ts) from telemetry where device_num = ${n}`) as number)
  expect(Math.min(...held)).toBeGreaterThan(begin)
  expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(hour)
  expect(count('rollups_1m')).toBe(2 * 24 * 60 * 2)
  await keep(1)
  expect([count('telemetry'), count('rollups_1m'), count('rollups_1h')]).toEqual([0, 0, 2 * 24 * 2])
}, 60_000)

test('with less left on the disk than is to stay free, samples go as well', async () => {
  await fill(1, 2)
  const { bavail, bsize } = await statfs(dirname(opened.file))
  const reserve = (disk_reserve: number) =>
    keepToBudget(opened.store, { ...unlimited, disk_reserve: `${disk_reserve}B` }, later, forever)
  expect(await reserve(Math.round((bavail * bsize) / 2))).toBe(0)
  expect(await reserve(bavail * bsize * 2)).toBeGreaterThan(7200)
  expect(count('telemetry')).toBe(0)
})

test('the day is told on which the budget is reached if it goes on as in the last days', async () => {
  const now = Date.now()
  const settings = { ...unlimited, storage_budget: '1GB' }
  expect(await storageOf(opened.store, settings, now)).toMatchObject({ bytes_per_day: null, full_at: null })
  await noteSize(opened.store, now - 2 * day)
  await noteSize(opened.store, now - 2 * day + hour / 2)
  expect(count('storage_sizes')).toBe(1)
  const bytes = (await used()) - 20_000_000
  await opened.db.updateTable('storage_sizes').set({ bytes }).execute()
  const { bytes_per_day, full_at, limited_by } = await storageOf(opened.store, settings, now)
  expect([bytes_per_day, limited_by]).toEqual([10_000_000, 'budget'])
  expect(Math.round(((full_at ?? 0) - now) / day)).toBe(100)
  await noteSize(opened.store, now + 8 * day)
  expect(count('storage_sizes')).toBe(1)
})

test('what has become free is given back to the file system', async () => {
  await fill(3, 48)
  const before = await opened.store.size()
  await keep(1)
  await until(async () => {
    await opened.store.checkpoint()
    const { database_bytes, spare_bytes } = await opened.store.size()
    return database_bytes < before.database_bytes / 2 && spare_bytes <= 4 << 20
  }, 20_000)
}, 90_000)
