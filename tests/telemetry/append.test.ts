import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { latestReadings } from '../../src/telemetry/readings.js'
import { openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
const received_at = Date.UTC(2026, 0, 1)
const ts = received_at - 60_000

beforeEach(async () => {
  opened = await openTestStore()
})
afterEach(() => opened.close())

const append = (payload: unknown, more: object = {}) => opened.append(payload, { received_at, ...more })
const rows = () => opened.db.selectFrom('telemetry').select(['ts', 'data']).orderBy('ts').execute()
const latest = (num = 1) => latestReadings(opened.db, num)

describe('the same device and time twice is one point (D8)', () => {
  test('the first stands', async () => {
    await append({ ts, data: { t: 1 }, metadata: { m: 1 } })
    await append({ ts, data: { t: 2 }, metadata: { m: 2 } }, { received_at: received_at + 5 })
    expect(await opened.db.selectFrom('telemetry').selectAll().execute()).toEqual([
      { device_num: 1, ts, received_at, data: { t: 1 }, metadata: { m: 1 }, quality: null, message_id: null },
    ])
    expect(await latest()).toEqual({ t: { value: 1, ts } })
  })

  test('a later one adds the keys that the first did not have', async () => {
    await append({ ts, data: { t: 1, on: false } })
    await append({ ts, data: { on: true, humidity: 40, t: 2 } })
    expect(await rows()).toEqual([{ ts, data: { t: 1, on: false, humidity: 40 } }])
    expect(await latest()).toEqual({ t: { value: 1, ts }, on: { value: false, ts }, humidity: { value: 40, ts } })
  })

  test('also within one batch', async () => {
    await append([
      { ts, data: { t: 1 } },
      { ts, data: { t: 2, h: 3 } },
    ])
    expect(await rows()).toEqual([{ ts, data: { t: 1, h: 3 } }])
  })

  test('also after a restart', async () => {
    await append({ ts, data: { t: 1 } })
    opened = await opened.reopen()
    await append({ ts, data: { t: 2 } })
    expect(await rows()).toEqual([{ ts, data: { t: 1 } }])
    expect(await latest()).toEqual({ t: { value: 1, ts } })
  })

  test('another device’s point is another point', async () => {
    await append({ ts, data: { t: 1 } })
    await append({ ts, data: { t: 2 } }, { device_num: 2 })
    expect(await rows()).toHaveLength(2)
    expect([await latest(1), await latest(2)]).toEqual([{ t: { value: 1, ts } }, { t: { value: 2, ts } }])
  })

  test('a thousand keys at one time are the most, and a message that would make them more is not taken at all', async () => {
    const keys = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, i]))
    for (let from = 0; from < 950; from += 50) await append({ ts, data: keys(from, 50) })
    expect(
      await append([
        { ts: ts - 1, data: { a: 1 } },
        { ts, data: keys(950, 51) },
      ]),
    ).toMatch(/more than 1000 keys/)
    const tooMany = Array.from({ length: 11 }, (_, i) => ({ ts: ts - 2, data: keys(i * 100, 100) }))
    expect(await append(tooMany)).toMatch(/more than 1000 keys/)
    const [row, ...others] = await rows()
    expect(others).toEqual([])
    expect(Object.keys(row?.data ?? {})).toHaveLength(950)
    expect(Object.keys(await latest())).not.toContain('a')
    await append([
      { ts: ts - 1, data: { a: 1 } },
      { ts, data: keys(900, 100) },
    ])
    expect(await rows()).toHaveLength(2)
  })

  test('a batch full of new keys of one time is refused at once, before the writer counts as hung', async () => {
    const keys = (i: number) => Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map(name => [`${name}${i}`, i]))
    const flood = Array.from({ length: 1000 }, (_, i) => ({ ts, data: keys(i) }))
    expect(await append(flood)).toMatch(/more than 1000 keys/)
    expect(await rows()).toEqual([])
  })

  test('keys may hold what means something to SQL and JSON', async () => {
    const data = { 'a.b': 1, 'a"b': 2, 'a\\b': 3, "'; drop table telemetry; --": 4, '$[0]': 5, constructor: 6 }
    await append({ ts, data })
    await append({ ts, data: { 'a"b': 7, é: 8 } })
    expect(await rows()).toEqual([{ ts, data: { ...data, é: 8 } }])
  })
})

describe('latest', () => {
  test('is not overwritten by a late point, which fills history', async () => {
    await append({ ts, data: { t: 2 } })
    await append({ ts: ts - 1000, data: { t: 1, h: 9 } })
    expect(await rows()).toHaveLength(2)
    expect(await latest()).toEqual({ t: { value: 2, ts }, h: { value: 9, ts: ts - 1000 } })
  })

  test('is the newest of a batch, in whatever order', async () => {
    await append([
      { ts: ts + 2, data: { t: 3 } },
      { ts: ts + 1, data: { t: 2 } },
      { age: received_at - ts - 9, data: { t: 4 } },
    ])
    expect(await latest()).toEqual({ t: { value: 4, ts: ts + 9 } })
  })

  test('knows after a restart what it knew before', async () => {
    await append({ ts, data: { t: 2, h: 5 } })
    opened = await opened.reopen()
    await append({ ts: ts - 1, data: { t: 1 } })
    await append({ ts: ts + 1, data: { h: 6 } })
    expect(await latest()).toEqual({ t: { value: 2, ts }, h: { value: 6, ts: ts + 1 } })
  })

  test('is in the same commit as the points', async () => {
    await append({ ts, data: { t: 1 } })
    expect(opened.look('select latest from latest')).toBe(`{"t":[1,${ts}]}`)
  })

  test('remembers 500 fields of a device, and stores readings of further ones all the same', async () => {
    const wide = (from: number) => Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${from + i}`, i]))
    for (let i = 0; i < 6; i++) await append({ ts: ts + i, data: wide(i * 100) })
    expect(Object.keys(await latest())).toHaveLength(500)
    expect((await rows()).reduce((sum, { data }) => sum + Object.keys(data).length, 0)).toBe(600)
  })
})

describe('points without a time', () => {
  test('take the receive time, and those of one millisecond get times of their own', async () => {
    await Promise.all([append({ t: 1 }), append({ t: 2 }), append([{ t: 3 }, { t: 4 }])])
    expect(await rows()).toEqual([1, 2, 3, 4].map((t, i) => ({ ts: received_at + i, data: { t } })))
    expect(await latest()).toEqual({ t: { value: 4, ts: received_at + 3 } })
  })

  test('go no further ahead of the clock than a device’s own times may, and are refused whole beyond that', async () => {
    const batch = Array.from({ length: 1000 }, (_, i) => ({ data: { i } }))
    for (let i = 0; i < 300; i++) expect(await append(batch)).toBeNull()
    expect(await append(batch)).toMatch(/more readings without a time/)
    expect(await append({ t: 1 })).toBeNull()
    expect(await append({ t: 2 })).toMatch(/more readings without a time/)
    opened = await opened.reopen()
    expect(await append({ t: 3 })).toMatch(/more readings without a time/)
    expect(await append({ t: 4 }, { received_at: received_at + 10 })).toBeNull()
    const { last, count } = await opened.db
      .selectFrom('telemetry')
      .select(eb => [eb.fn.max('ts').as('last'), eb.fn.countAll<number>().as('count')])
      .executeTakeFirstOrThrow()
    expect({ last, count }).toEqual({ last: received_at + 300_001, count: 300_002 })
  })

  test('begin anew when the clock is set back', async () => {
    await append({ t: 1 }, { received_at: received_at + 3_600_000 })
    await append({ t: 2 })
    expect((await rows())[0]).toEqual({ ts: received_at, data: { t: 2 } })
  })

  test('do so also after a restart, and beside timed points', async () => {
    await append({ ts: received_at + 1, data: { t: 'timed' } })
    await append({ t: 1 })
    opened = await opened.reopen()
    await append({ t: 2 })
    expect((await rows()).map(row => row.ts)).toEqual([received_at, received_at + 1, received_at + 2])
  })

  test('are told from points whose time was beyond belief', async () => {
    await append([{ t: 1 }, { ts: 5, data: { t: 2 } }])
    const qualities = await opened.db.selectFrom('telemetry').select('quality').orderBy('ts').execute()
    expect(qualities).toEqual([{ quality: null }, { quality: 'received' }])
  })
})

describe('a message that is sent again with DUP', () => {
  const again = { message_id: 7, dup: true, received_at: received_at + 30_000 }

  test.each<[string, unknown]>([
    ['without a time', { t: 1 }],
    ['with an age', { age: 5000, data: { t: 1 } }],
    ['with a time', { ts, data: { t: 1 } }],
    ['with a time beyond belief', { ts: 5, data: { t: 1 } }],
    ['of many points', [{ t: 1 }, { t: 2 }, { ts, data: { t: 3 } }, { age: 1, data: { t: 4 } }]],
  ])('is stored once: %s', async (_, payload) => {
    await append(payload, { message_id: 7 })
    const before = await rows()
    await append(payload, again)
    expect(await rows()).toEqual(before)
    opened = await opened.reopen()
    await append(payload, again)
    expect(await rows()).toEqual(before)
  })

  test('is stored when the first never came, or was another message with the same identifier', async () => {
    await append({ t: 1 }, again)
    await append({ t: 2 }, again)
    expect((await rows()).map(({ data }) => data)).toEqual([{ t: 1 }, { t: 2 }])
  })

  test('is another message when only part of it is known, and is stored with all that it holds', async () => {
    await append([{ data: { t: 1 } }, { data: { t: 2 } }], { message_id: 7 })
    await append([{ data: { t: 1 } }, { data: { t: 777 } }, { ts, data: { late: 5 } }], again)
    const data = (await rows()).map(row => row.data)
    expect(data).toContainEqual({ t: 777 })
    expect(data).toContainEqual({ late: 5 })
  })

  test('is known by all of its points, of which some may be alike', async () => {
    await append([{ data: { t: 1 } }, { data: { t: 1 } }], { message_id: 7 })
    await append([{ data: { t: 1 } }, { data: { t: 1 } }], again)
    expect(await rows()).toHaveLength(2)
    await append([{ data: { t: 1 } }, { data: { t: 1 } }, { data: { t: 1 } }], again)
    expect(await rows()).toHaveLength(5)
  })

  test('the same readings without DUP are new readings', async () => {
    await append({ t: 1 }, { message_id: 7 })
    await append({ t: 1 }, { message_id: 7 })
    expect(await rows()).toHaveLength(2)
  })
})

test('a batch of 1000 points is stored whole, and one with a fault not at all', async () => {
  const batch = Array.from({ length: 1000 }, (_, i) => ({ ts: ts + i, data: { i } }))
  expect(await append(batch)).toBeNull()
  expect(await rows()).toEqual(batch)
  const spoiled = batch.map((point, i) => ({ ...point, ts: point.ts - 5000, data: i === 999 ? { i: [] } : point.data }))
  expect(await append(spoiled)).toContain('must be a number')
  expect(await rows()).toHaveLength(1000)
})

test('a refused message does not touch those that arrive with it', async () => {
  const reasons = await Promise.all([append({ t: 1 }), append(Buffer.from('{')), append({ t: 2 })])
  expect(reasons).toEqual([null, expect.stringContaining('not JSON'), null])
  expect(await rows()).toHaveLength(2)
})

test('a point of nothing but nulls is taken and not stored', async () => {
  expect(await append({ t: null, nested: { h: null } })).toBeNull()
  expect(await append({ ts, data: {} })).toBeNull()
  expect(await rows()).toEqual([])
})

test('what SQLite could not commit is not in "latest" either', async () => {
  await append({ ts, data: { t: 1 } })
  const { rows: pages } = await sqlOf('pragma page_count')
  await sqlOf(`pragma max_page_count = ${Object.values(pages[0] ?? {})[0]}`)
  const big = Array.from({ length: 500 }, (_, i) => ({ ts: ts + 1 + i, data: { t: 2, text: 'x'.repeat(400) } }))
  await expect(append(big)).rejects.toMatchObject({ code: 'storage_unavailable' })
  await sqlOf('pragma max_page_count = 1000000')
  await append({ ts: ts - 1, data: { h: 1 } })
  expect(await latest()).toEqual({ t: { value: 1, ts }, h: { value: 1, ts: ts - 1 } })
})

async function sqlOf(text: string) {
  return sql.raw<Record<string, unknown>>(text).execute(opened.db)
}
