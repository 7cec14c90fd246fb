import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandom, type Random } from '../../simulators/random.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { applyRetention } from '../../src/telemetry/retention.js'
import { until } from '../helper.js'
import { addDevice, openTestStore, type TestStore } from '../store/harness.js'
import { aggregations, naive, naiveIncrease, near, type Sample, startsOf } from './naive.js'
import { packAll } from './packed.js'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 2, 25)
const days = 4
const timezone = 'Europe/Paris'
const fields = ['short', 'middle', 'long', 'rest'] as const
const rounds = 8

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
  await addDevice(opened.db, 'd', timezone)
})
afterEach(() => opened.close())

const count = (what: string) => Number(opened.look(`select count(*) from ${what}`))
const settled = () =>
  until(
    () => count('telemetry_hours where state in (0, 5)') + count('telemetry_fields where trimmed_to < raw_from') === 0,
    30_000,
  )

/** From which hour on samples, and rollups by minute, say something of each field. */
async function goneOf(): Promise<Map<string, { raw_from: number; minutes_from: number }>> {
  const rows = await opened.db.selectFrom('telemetry_fields').selectAll().execute()
  return new Map(rows.map(({ name, ...field }) => [name, field]))
}

/** Samples of a few hours, in some of them many, each with some of the fields. */
function made(random: Random): Sample[] {
  const from = begin + Math.floor(random.between(0, days * 24)) * hour
  return Array.from({ length: random.chance(0.3) ? 900 : 40 }, () => ({
    ts: from + Math.floor(random.between(0, random.chance(0.8) ? hour : 6 * hour)),
    data: Object.fromEntries(
      fields.filter(() => random.chance(0.7)).map(field => [field, Math.round(random.gaussian(20, 5) * 10) / 10]),
    ),
  }))
}

/** Sends them; the first to have a field at a time stands, and what is late is not kept. @returns what is known from then on */
async function send(samples: readonly Sample[], known: ReadonlyMap<number, Sample>): Promise<Map<number, Sample>> {
  const gone = await goneOf()
  const rows = await opened.db.selectFrom('telemetry_hours').select('start').where('state', 'in', [3, 4, 6]).execute()
  const goneHours = new Set(rows.map(({ start }) => start))
  const all = new Map(known)
  for (const { ts, data } of samples) {
    if (goneHours.has(ts - (ts % hour))) continue
    const kept = Object.entries(data).filter(([field]) => (gone.get(field)?.raw_from ?? 0) <= ts)
    all.set(ts, { ts, data: { ...Object.fromEntries(kept), ...all.get(ts)?.data } })
  }
  const points = samples.filter(({ data }) => Object.keys(data).length > 0)
  while (points.length > 0) expect(await opened.append(points.splice(0, 900))).toBeNull()
  await settled()
  return all
}

/** Looking at the wall clock takes long; all samples of an hour are in one window of days. */
const starts = Object.fromEntries(
  ['1d', '1w', '1mo'].map(window => {
    const known = new Map<number, string | number>()
    const startOf = startsOf(window, timezone)
    const ofHour = (start: number) => {
      const told = known.get(start) ?? startOf(start)
      known.set(start, told)
      return told
    }
    return [window, (ts: number) => ofHour(ts - (ts % hour))]
  }),
)

/** The end of the last hour that is gone whole, or has no minutes then. */
const wholeHours = {
  raw_from: 'select ifnull(max(start) + 3600000, 0) from telemetry_hours where state in (3, 4)',
  minutes_from: 'select ifnull(max(start) + 3600000, 0) from telemetry_hours where state = 3',
} as const

/** Every field is answered as by a plain computation over all that was ever kept, where nothing finer is asked for than is left. */
async function check(known: ReadonlyMap<number, Sample>, range: { start_time: number; end_time: number }) {
  const samples = [...known.values()].filter(({ ts }) => ts >= range.start_time && ts < range.end_time)
  const gone = await goneOf()
  for (const window of ['30s', '5m', '1h', '1d', '1w', '1mo']) {
    const fine = window === '30s' ? 'raw_from' : window === '5m' ? 'minutes_from' : null
    for (const field of fields) {
      const whole = fine === null ? 0 : Number(opened.look(wholeHours[fine]))
      const from = Math.max(range.start_time, whole, fine ? (gone.get(field)?.[fine] ?? 0) : 0)
      const asked = { start_time: from, end_time: Math.min(range.end_time, fine ? from + 12 * hour : range.end_time) }
      if (asked.start_time >= asked.end_time) continue
      const query = { fields: [field], window, timezone, ...asked }
      const told = await aggregate(opened.db, 1, { ...query, aggregations: [...aggregations, 'increase'] })
      const among = samples.filter(({ ts }) => ts >= asked.start_time && ts < asked.end_time)
      const startOf = starts[window] ?? startsOf(window, timezone)
      const expected = [
        ...aggregations.map(aggregation => naive(among, field, aggregation, startOf)),
        naiveIncrease(among, field, startOf),
      ]
      const alike = expected.map(points => points.map(({ value, count }) => ({ value: near(value), count })))
      expect(
        told.map(({ points }) => points.map(({ value, count }) => ({ value, count }))),
        `${field} by ${window}`,
      ).toEqual(alike)
    }
  }
}

test('whatever goes when, and comes late, each field is answered as long as its retention says', async () => {
  const seed = Date.now() % 1_000_000
  console.log(`retention from seed ${seed}`)
  const random = createRandom(seed)
  let known: ReadonlyMap<number, Sample> = new Map()
  let clock = begin
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++) known = await send(made(random), known)
    if (random.chance(0.5)) await packAll(opened)
    clock += random.between(0, (days * day) / rounds)
    // Long after the samples came, but as old as the clock says.
    const now = Date.now() + day
    const hours = (ms: number) => Math.max(1, Math.floor((now - clock + ms) / hour))
    const retention_fields = {
      short: `raw=${hours(0)}h,1m=${hours(random.pick([0, 6, 24]) * hour)}h`,
      middle: `raw=${hours(12 * hour)}h`,
      long: 'raw=forever',
    }
    await opened.db
      .updateTable('devices')
      .set({ retention_fields: random.chance(0.9) ? retention_fields : null })
      .execute()
    for (let run = 0; run < 2; run++) {
      await applyRetention(opened.db, `raw=${hours(day)}h,1m=${hours(2 * day)}h`, now, () => false)
      await settled()
    }
    const edges = [0, 1].map(() => begin + Math.floor(random.between(-1, days * 24 + 1)) * hour).sort()
    await check(known, { start_time: edges[0] ?? 0, end_time: (edges[1] ?? 0) + hour })
  }
  await check(known, { start_time: begin - day, end_time: begin + (days + 1) * day })
}, 240_000)
