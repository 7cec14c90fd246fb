import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { until } from '../helper.js'
import { look, openRaw } from '../store/harness.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'
import { type Point, Sender } from './sender.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const hour = 3_600_000
const day = 24 * hour
/** How many days ago each begins to go. */
const kept = { t: { raw: 8, minutes: 12 }, audio: { raw: 4, minutes: 10 } } as const
const hoursKept = 16
const env = { HEARTH_RETENTION: `raw=${kept.t.raw}d,1m=${kept.t.minutes}d,1h=${hoursKept}d` }
const retention_fields = { audio: `raw=${kept.audio.raw}d,1m=${kept.audio.minutes}d` }

const nowHour = new Date().getUTCHours()
const hoursOfDay = Array.from({ length: 20 }, (_, i) => (nowHour + 2 + i) % 24) as [number, ...number[]]

/** All that is older than a time has come long ago, and the hub looks at it when it starts. */
function daysGoBy(file: string, before: number): void {
  const raw = openRaw(file)
  raw.exec(`update telemetry_hours set pack_at = 0 where start < ${before};
    update samples set delay = 0 where ts < ${before};
    delete from jobs where name = 'retention'`)
  raw.close()
}

/** What was acknowledged. */
class Ledger {
  readonly #points = new Map<string, Point>()

  take(id: string, points: readonly Point[]): void {
    for (const point of points) this.#points.set(`${id} ${point.ts}`, point)
  }

  /** How many there are of a field, by device and the time that its hour or day began. */
  counts(field: string, length: number, from: number, to = Number.MAX_SAFE_INTEGER): string[] {
    const counts = new Map<string, number>()
    for (const [key, { ts, data }] of this.#points) {
      if (data[field] === undefined || ts < from || ts >= to) continue
      const place = `${key.split(' ')[0]} ${ts - (ts % length)}`
      counts.set(place, (counts.get(place) ?? 0) + 1)
    }
    return [...counts].map(([place, count]) => `${place} ${count}`).sort()
  }
}

test(`kill -9 at random, ${kills} times, while samples and rollups go: rollups are what was acknowledged, nothing too old is left, and nothing else is missing`, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`kills from seed ${seed}`)
  const random = createRandom(seed)
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-retention-'))
  let hub = await startChild(data_dir, env)
  const ports = { ...portsOf(hub), ...env }
  const devices = await makeDevices(hub, 3)
  const { client } = await clientOf(hub)
  await client.patch('/homes/home', { timezone: 'UTC', retention_fields })
  const file = join(data_dir, 'hearth.db')
  onTestFinished(async () => {
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  const ledger = new Ledger()
  const take = (id: string, points: readonly Point[]) => ledger.take(id, points)
  const today = Math.floor(Date.now() / day) * day
  const dayOf = (round: number) => today - (kills + 2 - round) * day
  /** In each round a day later, so that nothing comes when its time is gone; and never in the hours that become too old meanwhile. */
  const made = (round: number) => () =>
    Array.from({ length: 20 }, () => ({
      ts: dayOf(round) + random.pick(hoursOfDay) * hour + Math.floor(random.between(0, hour)),
      data: random.chance(0.5) ? { t: random.next() } : { t: random.next(), audio: random.next() },
    }))
  let pending = new Map<string, readonly Point[]>()

  for (let round = 0; round < kills; round++) {
    const senders = new Map([...devices].map(([id, key]) => [id, new Sender(hub, id, key, take)]))
    for (const [id, sender] of senders) await sender.sendOnce(pending.get(id) ?? [])
    const sending = [...senders.values()].map(sender => sender.send(made(round), random))
    await sleep(random.between(500, 2000))
    for (const sender of senders.values()) sender.over = true
    await hub.end('SIGKILL')
    await Promise.all(sending)
    pending = new Map([...senders].map(([id, sender]) => [id, sender.pending]))
    daysGoBy(file, dayOf(round))
    hub = await startChild(data_dir, ports)
  }
  for (const [id, key] of devices) await new Sender(hub, id, key, take).sendOnce(pending.get(id) ?? [])
  await hub.end('SIGKILL')
  daysGoBy(file, Number.MAX_SAFE_INTEGER)
  hub = await startChild(data_dir, ports)

  const rows = (query: string) => JSON.parse(String(look(file, `select json_group_array(row) from (${query})`))).sort()
  const ago = (days: number) => Date.now() - days * day
  const firstHour = (days: number) => Math.floor(ago(days) / hour) * hour
  const firstDay = Math.floor(ago(hoursKept) / day) * day
  const told = (table: string, field: string, length: number) =>
    rows(`select id || ' ' || (start - start % ${length}) || ' ' || sum(samples) as row from ${table}
      join telemetry_fields using (device_num, field_num) join devices on num = device_num where telemetry_fields.name = '${field}'
      group by id, start - start % ${length}`)
  const held = (field: string) =>
    rows(`select id || ' ' || (ts - ts % ${hour}) || ' ' || count(*) as row from telemetry join devices on num = device_num
      where data ->> '${field}' is not null group by id, ts - ts % ${hour}`)
  const least = (column: string, source: string) => Number(look(file, `select min(${column}) from ${source}`))
  const isSettled = () =>
    look(file, 'select count(*) from telemetry_hours where state in (0, 5)') === 0 &&
    least('ts', "telemetry where data ->> 'audio' is not null") >= firstHour(kept.audio.raw) &&
    least('ts', 'telemetry') >= firstHour(kept.t.raw) &&
    least('start', 'rollups_1h') >= firstDay &&
    look(file, 'select count(*) from sample_blocks') !== 0
  await until(isSettled, 100_000)

  expect(look(file, 'select count(*) from telemetry_late')).toBe(0)
  expect(ledger.counts('t', hour, 0).length).toBeGreaterThan(kills)
  for (const field of ['t', 'audio'] as const) {
    const { raw, minutes } = kept[field]
    expect(held(field)).toEqual(ledger.counts(field, hour, firstHour(raw)))
    expect(told('rollups_1h', field, hour)).toEqual(ledger.counts(field, hour, firstDay))
    expect(told('rollups_1d', field, day)).toEqual(ledger.counts(field, day, 0))
    const byMinute = told('rollups_1m', field, hour)
    const between = ledger.counts(field, hour, firstHour(minutes), firstHour(raw))
    expect(between.filter(row => !byMinute.includes(row))).toEqual([])
    expect(
      look(
        file,
        `select count(*) from rollups_1m join telemetry_fields using (device_num, field_num)
      where name = '${field}' and start < ${firstHour(minutes)}`,
      ),
    ).toBe(0)
  }
}, 300_000)
