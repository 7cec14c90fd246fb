import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addHome, codeOf, homes, openRaw, openTestStore, type TestStore } from './harness.js'

let opened: TestStore

beforeEach(async () => {
  opened = await openTestStore()
})
afterEach(() => opened.close())

/** A promise and what settles it. */
function gate() {
  let open: () => void = () => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { passed, open: () => open() }
}

test('a transaction has the writer to itself: what others write meanwhile is committed after it', async () => {
  const order: string[] = []
  const begun = gate()
  const mayEnd = gate()
  const transaction = opened.db.transaction().execute(async tx => {
    await addHome(tx, 'first')
    begun.open()
    await mayEnd.passed
    await addHome(tx, 'second')
    order.push('transaction')
  })
  await begun.passed
  const other = addHome(opened.db, 'other').then(() => order.push('other'))
  const appended = opened.append({ t: 1 }).then(() => order.push('append'))
  await opened.db.selectFrom('homes').selectAll().execute()
  expect(homes(opened.file)).toBe(0)
  mayEnd.open()
  await Promise.all([transaction, other, appended])
  expect(order[0]).toBe('transaction')
  expect(homes(opened.file)).toBe(3)
})

test('a transaction reads its own writes, others do not', async () => {
  await opened.db.transaction().execute(async tx => {
    await addHome(tx, 'inside')
    expect(await tx.selectFrom('homes').select('id').execute()).toEqual([{ id: 'inside' }])
    expect(await opened.db.selectFrom('homes').select('id').execute()).toEqual([])
  })
})

test('who only reads waits for no transaction, however the statement is laid out', async () => {
  await opened.db.transaction().execute(async tx => {
    await addHome(tx, 'inside')
    const { rows } = await sql`select
      count(*) as homes from homes`.execute(opened.db)
    expect(rows).toEqual([{ homes: 0 }])
  })
})

test('a transaction that throws is rolled back whole', async () => {
  const failed = opened.db.transaction().execute(async tx => {
    await addHome(tx, 'gone')
    throw new Error('changed my mind')
  })
  await expect(failed).rejects.toThrow('changed my mind')
  expect(homes(opened.file)).toBe(0)
  await addHome(opened.db, 'next')
})

test('what a transaction writes once a fault has ended it is not committed by itself', async () => {
  const ended = opened.db.transaction().execute(async tx => {
    await addHome(tx, 'before')
    await sql`rollback`.execute(tx)
    await addHome(tx, 'after')
  })
  await expect(ended).rejects.toThrow('the transaction has ended')
  expect(homes(opened.file)).toBe(0)
  await addHome(opened.db, 'next')
})

test('statements that a transaction asks for at once run in their order, and fail as one', async () => {
  await opened.db.transaction().execute(async tx => {
    const [, seen] = await Promise.all([addHome(tx, 'a'), tx.selectFrom('homes').select('id').execute()])
    expect(seen).toEqual([{ id: 'a' }])
  })
  const failed = opened.db
    .transaction()
    .execute(tx => Promise.all([addHome(tx, 'b'), addHome(tx, 'a'), addHome(tx, 'c')]))
  expect(await codeOf(failed)).toBe('conflict')
  expect(homes(opened.file)).toBe(1)
})

test('what is asked for together is committed together or not at all, with what others write', async () => {
  const { together } = opened.store
  const pair = (one: string, other: string) => together(tx => Promise.all([addHome(tx, one), addHome(tx, other)]))
  const codes = await Promise.all([
    codeOf(pair('a', 'b')),
    codeOf(pair('c', 'a')),
    codeOf(addHome(opened.db, 'd')),
    codeOf(pair('e', 'f')),
  ])
  expect(codes).toEqual([null, 'conflict', null, null])
  const ids = (await opened.db.selectFrom('homes').select('id').orderBy('id').execute()).map(({ id }) => id)
  expect(ids).toEqual(['a', 'b', 'd', 'e', 'f'])
})

test('what is asked for later than together is refused, not committed by itself', async () => {
  const late = opened.store.together(async tx => {
    await addHome(tx, 'in time')
    await addHome(tx, 'late')
  })
  await expect(late).rejects.toThrow('must be asked for at once')
  expect(opened.look("select count(*) from homes where id = 'late'")).toBe(0)
})

test('a violated constraint rolls the transaction back with the code conflict', async () => {
  const twice = opened.db.transaction().execute(async tx => {
    await addHome(tx, 'same')
    await addHome(tx, 'same')
  })
  expect(await codeOf(twice)).toBe('conflict')
  expect(homes(opened.file)).toBe(0)
})

test('transactions and other writes take turns: none waits for all the others', async () => {
  let ended = 0
  const transactions = Array.from({ length: 200 }, (_, i) =>
    opened.db
      .transaction()
      .execute(tx => addHome(tx, `t-${i}`))
      .then(() => ended++),
  )
  const before = await addHome(opened.db, 'in between').then(() => ended)
  await Promise.all(transactions)
  expect(before).toBeLessThan(10)
})

test('one caller’s transactions, each begun when the last has ended, let other writes through', async () => {
  let ended = false
  let transactions = 0
  const busy = (async () => {
    while (!ended) {
      await opened.db.transaction().execute(tx => addHome(tx, `loop-${transactions}`))
      transactions++
    }
  })()
  for (let i = 0; i < 20; i++) await opened.append({ i })
  ended = true
  await busy
  expect(transactions).toBeLessThan(100)
})

test('a transaction that is held longer than 4 s is cut: nothing of it is kept, and others go on', async () => {
  const cut = opened.db.transaction().execute(async tx => {
    await addHome(tx, 'held')
    // Waits for a write outside the transaction, which waits for the transaction: the mistake that the limit is for.
    await addHome(opened.db, 'outside')
    // By now the transaction is gone, and this must not be committed by itself.
    await addHome(tx, 'after the cut')
  })
  await expect(cut).rejects.toThrow('held longer than 4000 ms')
  expect(opened.look('select group_concat(id) from homes')).toBe('outside')
  await opened.db.transaction().execute(tx => addHome(tx, 'next'))
  expect(homes(opened.file)).toBe(2)
})

test('what a transaction sends while it is being cut does not reach the database', async () => {
  let held = true
  const cut = opened.db.transaction().execute(async tx => {
    // Statement after statement, so that one is on its way at whatever moment the limit falls.
    for (let i = 0; held; i++) await addHome(tx, `busy-${i}`)
  })
  await expect(cut).rejects.toThrow('held longer than 4000 ms')
  held = false
  expect(homes(opened.file)).toBe(0)
})

test('a transaction that cannot begin gives the writer back at once', async () => {
  const other = openRaw(opened.file)
  other.exec('begin immediate')
  const started = performance.now()
  expect(await codeOf(opened.db.transaction().execute(tx => addHome(tx, 'blocked')))).toBe('storage_unavailable')
  other.exec('rollback')
  await addHome(opened.db, 'free')
  // The lock was waited for 2 s; a writer that was not given back would be free at the limit of 4 s only.
  expect(performance.now() - started).toBeLessThan(4000)
  other.close()
})

test('a commit that fails leaves no transaction open behind it', async () => {
  const failed = opened.db.transaction().execute(async tx => {
    await sql`pragma defer_foreign_keys = on`.execute(tx)
    await sql`insert into devices (id, home_id, name, type, status, created_at, updated_at)
      values ('d', 'no such home', 'd', 't', 'active', 0, 0)`.execute(tx)
  })
  expect(await codeOf(failed)).toBe('conflict')
  expect(await codeOf(addHome(opened.db, 'next'))).toBeNull()
  expect(opened.look('select count(*) from devices')).toBe(0)
})
