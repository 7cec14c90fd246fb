import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/store/store.js'
import { Turns } from '../../src/store/turns.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { insertSamples, openTestStore, type TestStore } from './harness.js'

let opened: TestStore
const samples = 40_000

beforeAll(async () => {
  opened = await openTestStore({ sync: 'normal' })
  await insertSamples(
    opened.db,
    Array.from({ length: samples }, (_, i) => ({ device_num: 1, ts: i, data: { n: i } })),
  )
  await opened.db.insertInto('telemetry_hours').values({ device_num: 1, start: 0, state: 0 }).execute()
})
afterAll(() => opened.close())

const within = (caller: string, ms = 600_000, more: { signal?: AbortSignal; deadlineFor?: 'each statement' } = {}) =>
  opened.store.within({ ms, caller, deadlineFor: 'all', ...more })

/** Many statements, of which each looks through 10,000 samples: no rollup answers for 10 seconds. */
const large = (db: Db) =>
  aggregate(db, 1, {
    ...{ start_time: 0, end_time: samples, timezone: 'UTC' },
    ...{ fields: ['n'], aggregations: ['sum'], window: '10s' },
  })
const small = (db: Db) => db.selectFrom('homes').select('id').execute()
/** One statement that takes a while. */
const slow = (db: Db) =>
  sql`select count(*) from (with recursive n (i) as (select 1 union all select i + 1 from n where i < 2000000)
    select i from n)`.execute(db)

test('callers take turns, however much each of them wants', async () => {
  const turns = new Turns(2)
  const done: string[] = []
  let underWay = 0
  const work = (name: string) =>
    turns.take(name.slice(0, 1), async () => {
      expect(++underWay).toBeLessThanOrEqual(2)
      await new Promise(setImmediate)
      underWay--
      done.push(name)
      if (name === 'a4') throw new Error('fails')
    })
  const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'c1'].map(work)
  expect((await Promise.allSettled(all)).filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(done).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'b2', 'a5', 'a6'])
})

describe('beside twenty long queries of one caller', () => {
  test('small queries wait for a statement of them, and another’s long one for as many as it has itself', async () => {
    const order: string[] = []
    const note = (name: string) => () => void order.push(name)
    const others = Array.from({ length: 20 }, () => large(within('a')).then(note('a')))
    const long = large(within('b')).then(note('b'))
    for (let i = 0; i < 10; i++) await small(opened.db)
    order.push('small')
    await Promise.all([long, ...others])
    expect(order.slice(0, 2).sort()).toEqual(['b', 'small'])
  })
})

describe('a query that takes too long', () => {
  test('fails, and nobody fails with it who waits for the same reader', async () => {
    const late = slow(within('a', 20))
    const behind = Promise.all([small(opened.db), slow(within('b')), large(within('a'))])
    await expect(late).rejects.toMatchObject({ code: 'query_timeout' })
    await behind
  })

  test('fails between two statements as well', async () => {
    const patient = within('a', 1)
    await slow(opened.db)
    await expect(small(patient)).rejects.toMatchObject({ code: 'query_timeout' })
  })

  test('may be one of which each statement has the time to itself', async () => {
    const patient = within('a', 60_000, { deadlineFor: 'each statement' })
    await slow(opened.db)
    await small(patient)
    const impatient = within('a', 1e-9, { deadlineFor: 'each statement' })
    await expect(small(impatient)).rejects.toMatchObject({ code: 'query_timeout' })
  })
})

test('a query for which nobody waits any more goes no further', async () => {
  const gone = new AbortController()
  const patient = within('a', 60_000, { signal: gone.signal })
  await small(patient)
  gone.abort()
  await expect(small(patient)).rejects.toMatchObject({ code: 'query_timeout' })
})
