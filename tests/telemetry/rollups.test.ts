import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandom, type Random } from '../../simulators/random.js'
import { deleteDevice } from '../../src/devices/devices.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { rebuildRollups } from '../../src/telemetry/rebuild.js'
import { until } from '../helper.js'
import { addDevice, openTestStore, type TestStore } from '../store/harness.js'
import { type Aggregation, aggregations, naive, naiveIncrease, near, type Sample, startsOf } from './naive.js'
import { packAll } from './packed.js'

const hour = 3_600_000
const fields = ['t', 'on', 'mixed', 'nowhere']
const zones = ['Europe/Paris', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC']
const seed = Math.floor(Math.random() * 2 ** 31)
process.stdout.write(`rollups from seed ${seed}\n`)

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterEach(() => opened.close())

const openHours = () => opened.look('select count(*) from telemetry_hours where state = 0')
const allClosed = () => until(() => openHours() === 0, 30_000)

function sampleAt(random: Random, ts: number): Sample {
  const data: Sample['data'] = { t: Math.round(random.gaussian(20, 5) * 100) / 100 }
  if (random.chance(0.5)) data.on = random.chance(0.5)
  if (random.chance(0.3)) data.mixed = random.pick<number | string | boolean>([1, 'one', true, -2.5, 'zero'])
  return { ts, data }
}

/** What is stored, as the plain computation takes it. */
const stored = (device_num: number): Promise<Sample[]> =>
  opened.db.selectFrom('telemetry').select(['ts', 'data']).where('device_num', '=', device_num).execute()

async function compare(device_num: number, window: string, timezone: string, start_time: number, end_time: number) {
  const samples = (await stored(device_num)).filter(({ ts }) => ts >= start_time && ts < end_time)
  const query = { fields, aggregations, window, timezone, start_time, end_time }
  const startOf = startsOf(window, timezone)
  for (const { field, aggregation, points } of await aggregate(opened.db, device_num, query)) {
    const found = points.map(point => ({ ...point, start: startOf(point.start) }))
    const wanted = naive(samples, field, aggregation as Aggregation, startOf)
    const told = `${field} ${aggregation} by ${window} in ${timezone} from ${start_time} to ${end_time}, seed ${seed}`
    expect(found, told).toEqual(wanted.map(point => ({ ...point, value: near(point.value) })))
  }
  const grown = { fields: ['t', 'on'], aggregations: ['increase'] as const, window, timezone, start_time, end_time }
  for (const { field, points } of await aggregate(opened.db, device_num, grown)) {
    const found = points.map(point => ({ ...point, start: startOf(point.start) }))
    const wanted = naiveIncrease(samples, field, startOf)
    const told = `increase of ${field} by ${window} in ${timezone} from ${start_time} to ${end_time}, seed ${seed}`
    expect(found, told).toEqual(wanted.map(point => ({ ...point, value: near(point.value) })))
  }
}

test.each(zones)(
  'answers are what the samples say, with late, doubled and deleted ones, over days of 23 and 25 hours, in a home in %s',
  async timezone => {
    const random = createRandom(seed)
    const num = await addDevice(opened.db, 'd', timezone)
    const begin = Date.UTC(2026, random.chance(0.5) ? 2 : 9, 23, 7, 13)
    const span = 10 * 24 * hour
    const anywhere = () => begin + Math.floor(random.between(0, span))
    const dense = Math.floor(anywhere() / hour) * hour
    const some = () => (random.chance(0.4) ? dense + Math.floor(random.between(0, hour)) : anywhere())
    for (let round = 0; round < 6; round++) {
      const before = await stored(num)
      const again = () => ({
        ts: before[Math.floor(random.between(0, before.length))]?.ts ?? begin,
        data: { t: 1, late: 1 },
      })
      const messages = Array.from({ length: 25 }, () =>
        Array.from({ length: 20 }, () =>
          before.length > 0 && random.chance(0.1) ? again() : sampleAt(random, some()),
        ),
      )
      await Promise.all(messages.map(points => opened.append(points, { device_num: num })))
      if (random.chance(0.5)) {
        const start_time = anywhere()
        await deleteReadings(opened.db, num, {
          start_time,
          end_time: start_time + Math.floor(random.between(1, 9 * hour)),
        })
      }
      if (round % 2 === 1) await (random.chance(0.5) ? packAll(opened) : allClosed())
      for (const window of ['7m', '90m', '1h', '6h', '1d', '1w', '1mo'] as const) {
        const from = anywhere()
        const to = window === '7m' ? from + Math.floor(random.between(0, 20 * hour)) : begin + span
        await compare(num, window, random.pick([timezone, timezone, 'America/New_York']), from, to)
      }
    }
    // However much was deleted of it, the dense hour has its rollups by minute in the end
    await opened.append(
      Array.from({ length: 900 }, (_, i) => sampleAt(random, dense + i * 4000)),
      { device_num: num },
    )
    await packAll(opened)
    expect(opened.look('select count(*) from sample_blocks')).toBeGreaterThan(0)
    expect(opened.look('select count(*) from rollups_1m')).toBeGreaterThan(0)
    expect(opened.look('select count(*) from telemetry_days')).toBeGreaterThan(timezone === 'Asia/Kathmandu' ? -1 : 0)
    for (const window of ['5m', '1h', '1d', '1mo']) {
      const [from, to] = window === '5m' ? [dense - hour, dense + 2 * hour] : [begin, begin + span]
      await compare(num, window, timezone, from, to)
    }
  },
  120_000,
)

test('they are made anew from the samples, whatever they said before', async () => {
  const num = await addDevice(opened.db, 'd', 'UTC')
  const begin = Date.UTC(2026, 5, 1)
  const points = Array.from({ length: 60 }, (_, i) => ({ ts: begin + i * hour, data: { t: i } }))
  await opened.append(points, { device_num: num })
  await allClosed()
  const whole = { fields: ['t'], aggregations: ['sum'] as const, window: '1d', timezone: 'UTC' }
  const sums = async () => {
    const [series] = await aggregate(opened.db, num, { ...whole, start_time: begin, end_time: begin + 72 * hour })
    return series?.points.map(({ value }) => value)
  }
  const right = await sums()
  await sql`update rollups_1d set sum = -1`.execute(opened.db)
  await sql`update rollups_1h set sum = -1`.execute(opened.db)
  expect(await sums()).not.toEqual(right)
  await opened.store.close()
  expect(rebuildRollups(opened.file, 'normal', () => undefined)).toBe(60)
  opened = await openTestStore({ file: opened.file })
  expect(openHours()).toBe(0)
  expect(await sums()).toEqual(right)
})

test('a deleted device leaves none behind', async () => {
  const num = await addDevice(opened.db, 'd', 'UTC')
  const begin = Date.UTC(2026, 5, 1)
  await opened.append(
    Array.from({ length: 1000 }, (_, i) => ({ ts: begin + i * 1000, data: { t: i } })),
    { device_num: num },
  )
  await opened.append([{ ts: begin + 30 * hour, data: { t: 1 } }], { device_num: num })
  await allClosed()
  const tables = ['rollups_1m', 'rollups_1h', 'rollups_1d', 'telemetry_hours', 'telemetry_days', 'telemetry_fields']
  const counts = () => tables.map(table => opened.look(`select count(*) from ${table}`))
  expect(counts()).not.toContain(0)
  await deleteDevice(opened.db, 'd', () => undefined)
  expect(counts()).toEqual(tables.map(() => 0))
})
