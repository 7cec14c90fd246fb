import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createPowerMeter } from '../../simulators/models/power-meter.js'
import { type Moment, past } from '../../simulators/past.js'
import { startDemo } from '../../src/cli/demo.js'
import { household } from '../../src/cli/demo-household.js'
import { pastBegin, writePast } from '../../src/cli/demo-past.js'
import { createDevice, findDevice } from '../../src/devices/devices.js'
import { exportReadings } from '../../src/telemetry/readings.js'
import { startHub, type TestHub, until } from '../helper.js'

const hour = 3_600_000
const day = 24 * hour
const host = '127.0.0.1'
const forEver = new AbortController().signal

let hub: TestHub
let demo: ReturnType<typeof startDemo>
let begun: number

beforeAll(async () => {
  hub = await startHub()
  begun = Date.now()
  demo = startDemo({ host }, hub.hub)
  await demo.ready
}, 120_000)
afterAll(async () => {
  await demo.stop()
  await hub.close()
})

interface Reading {
  readonly ts: number
  readonly data: Readonly<Record<string, unknown>>
}

async function readingsOf(of: TestHub, id: string): Promise<Reading[]> {
  const { num } = await findDevice(of.hub.store.db, id)
  const found: Reading[] = []
  for await (const page of exportReadings(of.hub.store.db, num, { start_time: 0, end_time: Number.MAX_SAFE_INTEGER }))
    found.push(...page.map(({ ts, data }) => ({ ts, data })))
  return found
}

const numbersOf = (readings: readonly Reading[], field: string) => readings.map(({ data }) => Number(data[field]))

/** How often a number is less than the one before. */
const falls = (numbers: readonly number[]) =>
  numbers.filter((value, index) => value < (numbers[index - 1] ?? Number.NEGATIVE_INFINITY)).length

/** The next reading of each device that it sends itself. */
const heardLive = (of: TestHub, since: number) =>
  until(async () => {
    const all = await Promise.all(household.map(({ id }) => latestOf(of, id)))
    return all.every(latest => Object.values(latest).every(({ ts }) => ts > since))
  }, 20_000)

type Latest = Readonly<Record<string, { readonly value: unknown; readonly ts: number }>>
const latestOf = async (of: TestHub, id: string) =>
  (await of.client.get<{ latest: Latest }>(`/telemetry/${id}/latest`)).latest

test('a first start has 30 days behind it: charts of every device answer, without a gap', async () => {
  const charts = {
    'demo-thermostat': 'temperature',
    'demo-light': 'power_draw',
    'demo-lock': 'battery',
    'demo-weather': 'temperature',
    'demo-meter': 'power',
    'demo-microphone': 'level',
  }
  expect(Object.keys(charts)).toEqual(household.map(({ id }) => id))
  for (const [id, field] of Object.entries(charts)) {
    const asked = `/telemetry/${id}/aggregated?field=${field}&aggregation=mean,count&window=3h&start_time=-30d`
    const { series } = await hub.client.get<{ series: { points: { count: number }[] }[] }>(asked)
    expect([id, series[0]?.points.length]).toEqual([id, expect.toSatisfy((n: number) => n >= 240)])
    expect(Math.min(...(series[0]?.points.slice(1, -1) ?? []).map(({ count }) => count))).toBeGreaterThanOrEqual(36)
  }
})

test('the home has rooms, what its state was at a time, events, presence, and an alert of a rule that is over', async () => {
  const { rooms } = await hub.client.get<{ rooms: { id: string; name: string }[] }>('/homes/home/rooms')
  expect(rooms.map(({ name }) => name)).toEqual(['Cellar', 'Garden', 'Hall', 'Living room', 'Porch'])
  const { devices } = await hub.client.get<{ devices: { room_id: string | null }[] }>('/devices?home_id=home')
  expect(devices.every(({ room_id }) => rooms.some(({ id }) => id === room_id))).toBe(true)
  const at = begun - 10 * day
  const { state } = await hub.client.get<{ state: { reported: object } }>(`/devices/demo-light/state?at=${at}`)
  expect(state.reported).toMatchObject({ power: expect.stringMatching(/on|off/), brightness: expect.any(Number) })
  const { events } = await hub.client.get<{ events: { ts: number }[] }>('/devices/demo-lock/events?limit=1000')
  expect(events.length).toBeGreaterThan(100)
  const { uptime } = await hub.client.get<{ uptime: unknown[] }>('/devices/demo-meter/presence/uptime?start_time=-30d')
  expect(uptime.length).toBeGreaterThanOrEqual(30)
  const { alerts } = await hub.client.get<{ alerts: { key: string; raised_at: number; cleared_at: number | null }[] }>(
    '/alerts',
  )
  const warm = alerts.find(({ key }) => key === 'too-warm')
  expect(warm?.raised_at).toBeLessThan(begun)
  expect(warm?.cleared_at).toBeLessThan(begun)
})

test('counters go on from the past into life and over a restart, which adds no past and makes nothing again', async () => {
  await heardLive(hub, begun)
  const counted = async () => ({
    devices: (await hub.client.get<{ devices: unknown[] }>('/devices')).devices.length,
    rooms: (await hub.client.get<{ rooms: unknown[] }>('/homes/home/rooms')).rooms.length,
    rules: (await hub.client.get<{ rules: unknown[] }>('/alert-rules')).rules.length,
    alerts: (await hub.client.get<{ alerts: { times: number }[] }>('/alerts')).alerts.map(({ times }) => times),
  })
  const [before, made] = [await readingsOf(hub, 'demo-meter'), await counted()]
  await demo.stop()
  hub = await hub.restart()
  const again = Date.now()
  demo = startDemo({ host }, hub.hub)
  await demo.ready
  await heardLive(hub, again)
  expect(await counted()).toEqual(made)
  const meter = await readingsOf(hub, 'demo-meter')
  expect(meter.filter(({ ts }) => ts <= (before.at(-1)?.ts ?? 0))).toEqual(before)
  const energy = numbersOf(meter, 'energy')
  expect(falls(energy)).toBe(0)
  const steps = energy.slice(1).map((value, index) => value - (energy[index] ?? 0))
  expect(Math.max(...steps)).toBeLessThan(0.25)
  expect(falls(numbersOf(await readingsOf(hub, 'demo-microphone'), 'recordings'))).toBe(0)
  const battery = numbersOf(await readingsOf(hub, 'demo-lock'), 'battery')
  expect(falls(battery.toReversed())).toBe(0)
  const room = numbersOf(await readingsOf(hub, 'demo-thermostat'), 'temperature').slice(-200)
  expect(Math.max(...room.slice(1).map((value, index) => Math.abs(value - (room[index] ?? 0))))).toBeLessThan(0.5)
}, 120_000)

/** Ten days that retention keeps, and that are over. */
const tenDaysAgo = Math.floor(Date.now() / day) * day - 10 * day

/** The past of a meter in ten days; it is broken off after so many moments. */
function* tenDays(until = Number.POSITIVE_INFINITY): Generator<Moment> {
  const span = { begin: tenDaysAgo, end: tenDaysAgo + 10 * day, interval_ms: 60_000 }
  let count = 0
  for (const moment of past(createPowerMeter(5), span)) {
    if (count++ >= until) return
    yield moment
  }
}

test('the same seed and end give the same rows, and one that was broken off is gone on with without doubles', async () => {
  const own = await startHub()
  onTestFinished(() => own.close())
  const { store } = own.hub
  for (const id of ['whole', 'same', 'broken'])
    await createDevice(store.db, { id, name: id, type: 'x', home_id: 'home' })
  const write = async (id: string, until?: number) =>
    writePast(store, await findDevice(store.db, id), tenDays(until), forEver)
  const count = [...tenDays()].length
  expect(await write('whole')).toBe(count)
  expect(await write('same')).toBe(count)
  expect(await write('broken', 4321)).toBe(4321)
  expect(await pastBegin(store.db, await findDevice(store.db, 'broken'), Date.now())).toBe(tenDaysAgo)
  expect(await write('broken')).toBe(count - 4321)
  expect(await write('broken')).toBe(0)
  const whole = await readingsOf(own, 'whole')
  expect(whole).toHaveLength(count)
  expect(await readingsOf(own, 'same')).toEqual(whole)
  expect(await readingsOf(own, 'broken')).toEqual(whole)
  const history = async (id: string) =>
    (await own.client.get<{ changes: object[] }>(`/devices/${id}/state/history`)).changes.length
  expect(await history('broken')).toBe(await history('whole'))
})
