import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import type { PresenceStatus } from '../../src/inbound.js'
import { startHub, type TestHub } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
  await hub.client.patch('/homes/home', { timezone: 'Europe/Paris' })
})
afterAll(() => hub.close())

const hour = 3_600_000
const day = 24 * hour
const at = (text: string) => Date.parse(text)

interface Times {
  readonly online_ms: number
  readonly sleeping_ms: number
  readonly offline_ms: number
  readonly uptime_percent: number
}
interface Uptime {
  readonly timezone: string
  readonly uptime: readonly (Times & { readonly start: number })[]
  readonly total: Times | null
}

const uptime = (id: string, query: Record<string, string | number> = {}) => {
  const text = Object.entries(query).map(([name, value]) => `${name}=${value}`)
  return hub.client.get<Uptime>(`/devices/${id}/presence/uptime?${text.join('&')}`)
}
const known = ({ online_ms, sleeping_ms, offline_ms }: Times) => online_ms + sleeping_ms + offline_ms

/** A device whose presence has changed like this. */
async function device(id: string, changes: readonly (readonly [number, PresenceStatus])[]): Promise<void> {
  await hub.device(id)
  const rows = changes.map(([at, status]) => ({ device_id: id, at, status, reason: null, session: 1 }))
  await hub.hub.store.db.insertInto('presence_changes').values(rows).execute()
}

describe('uptime by days', () => {
  test('counts what held at the start of the range, each change until the next, and sleep as up', async () => {
    await device('plain', [
      [at('2026-01-01T00:00Z'), 'online'],
      [at('2026-02-02T11:00Z'), 'offline'],
      [at('2026-02-02T17:00Z'), 'sleeping'],
      [at('2026-02-03T11:00Z'), 'online'],
    ])
    const range = { start_time: at('2026-02-01T00:00Z'), end_time: at('2026-02-04T00:00Z'), timezone: 'UTC' }
    expect(await uptime('plain', range)).toEqual({
      device_id: 'plain',
      timezone: 'UTC',
      uptime: [
        { start: range.start_time, online_ms: day, sleeping_ms: 0, offline_ms: 0, uptime_percent: 100 },
        {
          start: range.start_time + day,
          online_ms: 11 * hour,
          sleeping_ms: 7 * hour,
          offline_ms: 6 * hour,
          uptime_percent: 75,
        },
        {
          start: range.start_time + 2 * day,
          online_ms: 13 * hour,
          sleeping_ms: 11 * hour,
          offline_ms: 0,
          uptime_percent: 100,
        },
      ],
      total: { online_ms: 48 * hour, sleeping_ms: 18 * hour, offline_ms: 6 * hour, uptime_percent: 91.66 },
    })
  })

  test('is never 100 when there was an outage', async () => {
    await device('almost', [
      [at('2026-02-01T00:00Z'), 'online'],
      [at('2026-02-02T00:00Z'), 'offline'],
      [at('2026-02-02T00:00Z') + 1, 'online'],
    ])
    const { uptime: days } = await uptime('almost', {
      start_time: at('2026-02-02T00:00Z'),
      end_time: at('2026-02-03T00:00Z'),
      timezone: 'UTC',
    })
    expect(days).toMatchObject([{ offline_ms: 1, uptime_percent: 99.99 }])
  })

  test.each([
    ['of 23 hours', '2026-03-28T23:00Z', '2026-03-29T22:00Z', 23],
    ['of 24 hours', '2026-06-30T22:00Z', '2026-07-01T22:00Z', 24],
    ['of 25 hours', '2026-10-24T22:00Z', '2026-10-25T23:00Z', 25],
  ])('knows days %s in the time zone of the home', async (name, start, end, hours) => {
    const id = name.replaceAll(' ', '-')
    await device(id, [[at('2026-01-01T00:00Z'), 'online']])
    const { timezone, uptime: days } = await uptime(id, { start_time: at(start), end_time: at(end) })
    expect(timezone).toBe('Europe/Paris')
    expect(days).toMatchObject([{ start: at(start), online_ms: hours * hour }])
  })

  test('leaves out what nobody knows: before the first change, and what is to come', async () => {
    const now = Date.now()
    await device('young', [[now - 3 * day, 'online']])
    const { uptime: days, total } = await uptime('young', { start_time: now - 9 * day, end_time: now + 9 * day })
    expect(total?.online_ms).toBeGreaterThanOrEqual(3 * day)
    expect(total?.online_ms).toBeLessThan(3 * day + Date.now() - now + 1000)
    // Three days and a part of one more, whichever hours the days have.
    expect([4, 5]).toContain(days.length)
    expect(days[0]?.start).toBeGreaterThan(now - 5 * day)
    expect(days.at(-1)?.start).toBeLessThan(now)
    expect(await uptime('young', { start_time: now - 9 * day, end_time: now - 8 * day })).toMatchObject({
      uptime: [],
      total: null,
    })
    expect(await uptime('young', { start_time: now + day, end_time: now + 2 * day })).toMatchObject({
      uptime: [],
      total: null,
    })
    await hub.device('unknown')
    expect(await uptime('unknown')).toMatchObject({ uptime: [], total: null })
  })

  test('is that of 30 days until now when nobody says otherwise', async () => {
    await device('old', [[Date.now() - 300 * day, 'online']])
    const { uptime: days, total } = await uptime('old')
    // Thirty days of 24 hours touch 31 dates, or 30 in an hour of the weeks after the clock was set back.
    const dateOf = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Paris', dateStyle: 'short' })
    const hours = Array.from({ length: 30 * 24 + 1 }, (_, i) => dateOf.format(Date.now() - i * hour))
    expect(days).toHaveLength(new Set(hours).size)
    expect(total?.online_ms).toBeGreaterThan(30 * day - 1000)
    expect(total?.uptime_percent).toBe(100)
  })

  test('of 366 days at most, in a zone that there is', async () => {
    await device('long', [[at('2023-12-01T00:00Z'), 'online']])
    const leap_year = { start_time: at('2023-12-31T23:00Z'), end_time: at('2024-12-31T23:00Z') }
    expect((await uptime('long', leap_year)).uptime).toHaveLength(366)
    for (const wrong of [
      { ...leap_year, end_time: leap_year.end_time + 1 },
      { timezone: 'Mars/Olympus' },
      { start_time: 'x' },
    ])
      await expect(uptime('long', wrong)).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

test('whatever the changes, the parts of a day are the day, and all days the range', async () => {
  const seed = Date.now() % 1_000_000
  const random = createRandom(seed)
  // Both days on which Europe/Paris turns its clocks lie within.
  const range = { start_time: at('2025-12-31T23:00Z'), end_time: at('2026-11-20T23:00Z') }
  const starts = (await uptime('plain', range)).uptime.map(({ start }) => start)
  expect(starts).toHaveLength(324)
  const ends = [...starts.slice(1), range.end_time]
  expect(new Set(starts.map((start, i) => ((ends[i] ?? 0) - start) / hour))).toEqual(new Set([23, 24, 25]))
  for (let round = 0; round < 10; round++) {
    const count = Math.ceil(random.between(1, 400))
    const times = Array.from({ length: count }, () => Math.round(random.between(range.start_time, range.end_time)))
    const ordered = [range.start_time - day, ...times.sort((a, b) => a - b)]
    // Now and then the clock is set back, and a change seems to come before the one that went before.
    const changes = ordered.map((time, i) => {
      const status = (['online', 'sleeping', 'offline'] as const)[Math.floor(random.between(0, 3))] ?? 'online'
      return [i > 0 && random.next() < 0.05 ? time - hour : time, status] as const
    })
    await device(`random-${round}`, changes)
    const { uptime: days, total } = await uptime(`random-${round}`, range)
    const lengths = days.map((times, i) => [times.start, times.start + known(times) === ends[i]])
    expect([seed, lengths]).toEqual([seed, starts.map(start => [start, true])])
    expect([seed, total && known(total)]).toEqual([seed, range.end_time - range.start_time])
    expect(total?.online_ms).toBe(days.reduce((sum, { online_ms }) => sum + online_ms, 0))
  }
}, 30_000)
