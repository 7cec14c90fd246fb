import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { until } from '../helper.js'
import { look, openRaw } from '../store/harness.js'
import { makeDevices, portsOf, startChild } from './child.js'
import { type Point, Sender } from './sender.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const hour = 3_600_000
const days = 3

/** All hours are to be packed, as if a day had gone by. */
function dayGoesBy(file: string): void {
  const raw = openRaw(file)
  raw.exec('update telemetry_hours set pack_at = 0')
  raw.close()
}

test(`kill -9 at random, ${kills} times, while hours are filled, rolled up and packed: nothing is lost, and rollups are what the samples say`, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`kills from seed ${seed}`)
  const random = createRandom(seed)
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-rollups-'))
  let hub = await startChild(data_dir)
  const ports = portsOf(hub)
  const devices = await makeDevices(hub, 5)
  const acknowledged = new Set<string>()
  const file = join(data_dir, 'hearth.db')
  onTestFinished(async () => {
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  const since = Math.floor((Date.now() - (days + 1) * 24 * hour) / hour) * hour
  // Few hours again and again, so that most of them are open, being closed and closed in turn.
  const point = () => ({
    ts: since + Math.floor(random.between(0, days * 24)) * hour + Math.floor(random.between(0, hour)),
    data: { t: Math.round(random.gaussian(20, 5) * 100) / 100 },
  })
  const made = () => Array.from({ length: 20 }, point)
  const take = (id: string, points: readonly Point[]) => {
    for (const { ts } of points) acknowledged.add(`${id} ${ts}`)
  }

  for (let i = 0; i < kills; i++) {
    // While samples come hours are opened again all the time, and none is packed.
    const quiet = i % 4 > 1
    const senders = quiet ? [] : [...devices].map(([id, key]) => new Sender(hub, id, key, take))
    const sending = senders.map(sender => sender.send(made, random))
    // Rolling up begins a second after a start.
    await sleep(random.between(500, 2000) + (quiet ? 1000 : 0))
    for (const sender of senders) sender.over = true
    await hub.end('SIGKILL')
    await Promise.all(sending)
    dayGoesBy(file)
    hub = await startChild(data_dir, ports)
  }

  const there = look(
    file,
    "select json_group_array(devices.id || ' ' || ts) from telemetry join devices on num = device_num",
  )
  const known = new Set(JSON.parse(String(there)))
  expect([...acknowledged].filter(place => !known.has(place))).toEqual([])
  expect(look(file, 'select count(*) from sample_blocks')).toBeGreaterThan(0)
  await until(() => look(file, 'select count(*) from telemetry_hours where state = 0') === 0, 60_000)
  const samples = look(file, 'select count(*) from telemetry')
  console.log(`${samples} samples`)
  expect(samples).toBeGreaterThan(20 * kills)
  for (const [table, length] of [['rollups_1h', hour]] as const) {
    const told = `select device_num, start, samples, round(sum, 6), min, max from ${table}`
    const counted = `select device_num, ts - ts % ${length} as start, count(*), round(total(data ->> 't'), 6), min(data ->> 't'), max(data ->> 't')
      from telemetry group by device_num, start`
    expect(look(file, `select count(*) from (${told} except ${counted})`)).toBe(0)
    expect(look(file, `select count(*) from (${counted} except ${told})`)).toBe(0)
  }
  const byDay = `select rollups_1d.device_num, rollups_1d.start, rollups_1d.samples from rollups_1d join telemetry_days using (device_num, start)`
  const counted = `select device_num, day.start, (select count(*) from telemetry
    where telemetry.device_num = day.device_num and ts >= day.start and ts < day.end) from telemetry_days as day`
  expect(look(file, `select count(*) from (${counted} except ${byDay})`)).toBe(0)
  expect(look(file, 'select count(*) from telemetry_days')).toBeGreaterThan(0)
}, 240_000)
