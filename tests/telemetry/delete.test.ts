import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDevice, deleteDevice, getDevice } from '../../src/devices/devices.js'
import { KeyRing } from '../../src/devices/key-ring.js'
import { createKey } from '../../src/devices/keys.js'
import { recordEvent, recordLogLine } from '../../src/devices/reports.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { latestReadings } from '../../src/telemetry/readings.js'
import { Uses } from '../../src/uses.js'
import { addHome, openRaw, openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
const received_at = Date.UTC(2026, 0, 1)
const begin = received_at - 100_000_000

beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterEach(() => opened.close())

const append = (payload: unknown, device_num = 1) => opened.append(payload, { received_at, device_num })
const latest = (num = 1) => latestReadings(opened.db, num)
const count = (num = 1) => opened.look(`select count(*) from telemetry where device_num = ${num}`)
const remove = (from: number, to: number, num = 1) =>
  deleteReadings(opened.db, num, { start_time: begin + from, end_time: begin + to })

/** Samples a millisecond apart, past all doors: a thousand at a time would take long. */
function insert(samples: number, num = 1): void {
  const raw = openRaw(opened.file)
  raw
    .prepare(
      `insert into samples with recursive count(i) as (select 0 union all select i + 1 from count where i + 1 < ?)
       select ?, ? + i, 0, null, json_object('t', i), null, null, null from count`,
    )
    .run(samples, num, begin)
  raw.close()
}

test('exactly the samples of the range are deleted, and only of that device', async () => {
  for (const num of [1, 2])
    await append(
      [0, 1, 2, 3].map(i => ({ ts: begin + i, data: { i } })),
      num,
    )
  expect(await remove(1, 3)).toBe(2)
  const rows = await opened.db.selectFrom('telemetry').select('ts').where('device_num', '=', 1).execute()
  expect(rows.map(({ ts }) => ts - begin)).toEqual([0, 3])
  expect(count(2)).toBe(4)
})

test('a range of many steps is deleted whole, and what it leaves is whole too', async () => {
  insert(30_000)
  expect(await remove(5000, 29_000)).toBe(24_000)
  expect(count()).toBe(6000)
})

test('other writes are committed between the steps', async () => {
  insert(60_000)
  const left: unknown[] = []
  const deleting = remove(0, 60_000)
  let done = false
  void deleting.then(() => {
    done = true
  })
  while (!done) {
    await append({ t: 1 }, 2)
    left.push(count())
  }
  // Between the first and the last, several stages of the deletion were seen by others.
  expect(new Set(left).size).toBeGreaterThan(3)
  expect(await deleting).toBe(60_000)
})

test('latest falls back to the newest sample that is left, field by field', async () => {
  await append([
    { ts: begin, data: { t: 1, on: false, old: 'x' } },
    { ts: begin + 1, data: { t: 2, on: true } },
    { ts: begin + 2, data: { t: 3 } },
    { ts: begin + 3, data: { t: 4, gone: 5 } },
  ])
  await remove(2, 10)
  expect(await latest()).toEqual({
    t: { value: 2, ts: begin + 1 },
    on: { value: true, ts: begin + 1 },
    old: { value: 'x', ts: begin },
  })
  await remove(0, 10)
  expect(await latest()).toEqual({})
})

test('latest is found again however far back it lies', async () => {
  insert(20_000)
  await append({ ts: begin - 1, data: { rare: 7 } })
  await append({ ts: begin + 20_000, data: { rare: 8, t: 'newest' } })
  await remove(20_000, 20_001)
  expect(await latest()).toEqual({ rare: { value: 7, ts: begin - 1 }, t: { value: 19_999, ts: begin + 19_999 } })
})

test('the append takes notice of what was deleted: an older point may be the latest again', async () => {
  await append({ ts: begin + 5, data: { t: 5, h: 6 } })
  await remove(0, 10)
  await append({ ts: begin + 1, data: { t: 1 } })
  expect(await latest()).toEqual({ t: { value: 1, ts: begin + 1 } })
  await remove(0, 10)
  await append({ ts: begin, data: { t: 0 } })
  expect(await latest()).toEqual({ t: { value: 0, ts: begin } })
})

test('readings that arrive while a range is deleted keep their place in latest', async () => {
  insert(30_000)
  await append({ ts: begin + 30_000, data: { t: 'old' } })
  const deleting = remove(0, 40_000)
  await append({ ts: begin + 50_000, data: { t: 'new' } })
  await deleting
  expect(await latest()).toEqual({ t: { value: 'new', ts: begin + 50_000 } })
})

async function makeDevice(id: string): Promise<{ num: number; api_key: string }> {
  await addHome(opened.db, `home-of-${id}`)
  await createDevice(opened.db, { id, name: id, type: 'sensor', home_id: `home-of-${id}` })
  const { api_key } = await createKey(opened.db, id)
  const device = await new KeyRing(opened.db, new Uses()).authenticate(api_key)
  const origin = { received_at, message_id: null, dup: false }
  const lines = Array.from({ length: 1200 }, (_, i) => ({ level: 'info', message: `${i}` }) as const)
  await Promise.all(lines.map(line => recordLogLine(opened.db, device, line, origin)))
  await recordEvent(opened.db, device, { kind: 'event', ts: received_at, data: {} }, origin)
  return { num: device.num, api_key }
}

const everything = `select (select count(*) from telemetry) + (select count(*) from latest) + (select count(*) from device_log)
  + (select count(*) from events) + (select count(*) from device_keys) + (select count(*) from devices)`

test('a deleted device leaves nothing behind, though it said very much', async () => {
  const { num } = await makeDevice('doomed')
  insert(30_000, num)
  await append({ t: 1 }, num)
  await deleteDevice(opened.db, 'doomed', () => undefined)
  expect(opened.look(everything)).toBe(0)
  await expect(getDevice(opened.db, 'doomed')).rejects.toMatchObject({ code: 'not_found' })
})

test('a device being deleted is cut off when its keys are gone and before its readings go', async () => {
  const { num, api_key } = await makeDevice('doomed')
  insert(5000, num)
  let seen: unknown
  await deleteDevice(opened.db, 'doomed', () => {
    seen = [opened.look('select count(*) from device_keys'), count(num)]
  })
  expect(seen).toEqual([0, 5000])
  await expect(new KeyRing(opened.db, new Uses()).authenticate(api_key)).rejects.toMatchObject({
    code: 'unauthorized',
  })
})

test('a deletion that was interrupted can be begun again', async () => {
  const { num } = await makeDevice('doomed')
  insert(60_000, num)
  const interrupted = deleteDevice(opened.db, 'doomed', () => undefined).catch(error => error)
  while (count(num) === 60_000) await append({ t: 1 }, 99)
  // Closing waits for what is under way, and refuses the step after it.
  opened = await opened.reopen()
  expect(await interrupted).toMatchObject({ code: 'storage_unavailable' })
  expect(count(num)).toBeGreaterThan(0)
  expect(await getDevice(opened.db, 'doomed')).toMatchObject({ id: 'doomed' })
  await deleteDevice(opened.db, 'doomed', () => undefined)
  expect(opened.look('select count(*) from devices')).toBe(0)
  expect(count(num)).toBe(0)
})

test('another device’s things stay', async () => {
  const kept = await makeDevice('kept')
  const { num } = await makeDevice('doomed')
  for (const each of [num, kept.num]) await append({ t: each }, each)
  await deleteDevice(opened.db, 'doomed', () => undefined)
  expect(count(kept.num)).toBe(1)
  expect(await new KeyRing(opened.db, new Uses()).authenticate(kept.api_key)).toMatchObject({ id: 'kept' })
  expect(opened.look('select count(*) from device_log')).toBe(1200)
})
