import { stat } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../helper.js'
import { addHome, codeOf, homes, openRaw, openTestStore, type TestStore } from './harness.js'

let opened: TestStore

beforeEach(async () => {
  opened = await openTestStore()
})
afterEach(() => opened.close())

test('a write’s promise settles after its own commit: another connection sees the row', async () => {
  const seen = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      await addHome(opened.db, `home-${i}`)
      return opened.look(`select id from homes where id = 'home-${i}'`)
    }),
  )
  expect(seen).toEqual(seen.map((_, i) => `home-${i}`))
})

test('an append is called back after its own commit', async () => {
  const seen = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const ts = 1_767_225_600_000 + i
      await opened.append({ ts, data: { i } })
      return opened.look(`select data ->> 'i' from telemetry where ts = ${ts}`)
    }),
  )
  expect(seen).toEqual(seen.map((_, i) => i))
})

test('writes that arrive together share commits', async () => {
  const writes = 2000
  let settled = false
  const written = Promise.all(Array.from({ length: writes }, (_, i) => addHome(opened.db, `h-${i}`))).then(() => {
    settled = true
  })
  // Each commit shows as another number of rows to a connection that looks all the time.
  const counts = new Set<number>()
  while (!settled) {
    counts.add(homes(opened.file))
    await new Promise(resolve => setImmediate(resolve))
  }
  await written
  expect(counts.size).toBeLessThan(writes / 100)
  expect(homes(opened.file)).toBe(writes)
})

test('what arrives turn by turn while something is being committed shares the next commit', async () => {
  const other = openRaw(opened.file)
  other.exec('begin immediate')
  const seen: Promise<unknown>[] = []
  for (let i = 0; i < 20; i++) {
    seen.push(addHome(opened.db, `h-${i}`).then(() => homes(opened.file)))
    await new Promise(resolve => setImmediate(resolve))
  }
  other.exec('rollback')
  // What the thread had taken waits for the lock, and is a commit of its own.
  expect(new Set(await Promise.all(seen)).size).toBeLessThanOrEqual(2)
  expect(homes(opened.file)).toBe(20)
  other.close()
})

test('a statement that fails takes no other with it', async () => {
  await addHome(opened.db, 'twice')
  const codes = await Promise.all([
    codeOf(addHome(opened.db, 'before')),
    codeOf(addHome(opened.db, 'twice')),
    codeOf(sql`insert into nowhere values (1)`.execute(opened.db)),
    codeOf(addHome(opened.db, 'after')),
  ])
  expect(codes[0]).toBeNull()
  expect(codes[1]).toBe('conflict')
  expect(codes[2]).toContain('no such table: nowhere')
  expect(codes[3]).toBeNull()
  expect(homes(opened.file)).toBe(3)
})

test('a select after a write sees it', async () => {
  await addHome(opened.db, 'here')
  const home = await opened.db.selectFrom('homes').select('id').where('id', '=', 'here').executeTakeFirst()
  expect(home).toEqual({ id: 'here' })
})

test('close writes what is waiting', async () => {
  const waiting = Promise.all(Array.from({ length: 5000 }, (_, i) => addHome(opened.db, `w-${i}`)))
  const appended = Promise.all(Array.from({ length: 500 }, (_, i) => opened.append({ i })))
  await opened.store.close()
  await Promise.all([waiting, appended])
  expect(homes(opened.file)).toBe(5000)
  expect(opened.look('select count(*) from telemetry')).toBe(500)
})

test('what comes after close fails at once with storage_unavailable', async () => {
  await opened.store.close()
  expect(await codeOf(addHome(opened.db, 'late'))).toBe('storage_unavailable')
  expect(await codeOf(opened.append({ t: 1 }))).toBe('storage_unavailable')
  expect(await codeOf(opened.store.probe())).toBe('storage_unavailable')
  expect(await codeOf(opened.db.selectFrom('homes').selectAll().execute())).toBe('storage_unavailable')
})

test('probe settles with a row committed just now', async () => {
  const before = Date.now()
  await opened.store.probe()
  expect(opened.look('select written_at from probe')).toBeGreaterThanOrEqual(before)
})

test('checkpoint empties the write-ahead log', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, i) => addHome(opened.db, `c-${i}`)))
  expect((await stat(`${opened.file}-wal`)).size).toBeGreaterThan(0)
  await opened.store.checkpoint()
  expect((await stat(`${opened.file}-wal`)).size).toBe(0)
  expect(homes(opened.file)).toBe(100)
})

test('a statement waits behind one batch of messages at most, however many wait', async () => {
  let settled = 0
  const sent = Array.from({ length: 30_000 }, (_, i) =>
    opened.append({ ts: 1_767_225_600_000 + i, data: { i } }).then(() => {
      settled++
    }),
  )
  await until(() => settled > 0)
  const before = settled
  await addHome(opened.db, 'urgent')
  // Those of that batch, and those that are committed together with it.
  expect(settled - before).toBeLessThanOrEqual(2 * 4096)
  await Promise.all(sent)
  expect(opened.look('select count(*) from samples')).toBe(30_000)
})

test('beyond 128 MiB of waiting payload, appends are refused with storage_unavailable and the rest is stored', async () => {
  const payload = Buffer.from(JSON.stringify({ text: 'x'.repeat(1 << 18) }).slice(0, 1 << 18))
  // All in one turn of the event loop, so that nothing is handed to the thread in between. Not JSON, so nothing is kept of it.
  const outcomes = await Promise.all(Array.from({ length: 600 }, () => codeOf(opened.append(payload))))
  const refused = outcomes.filter(code => code !== null)
  expect(new Set(refused)).toEqual(new Set(['storage_unavailable']))
  expect(outcomes.length - refused.length).toBe(513)
  expect(await codeOf(opened.append({ t: 1 }))).toBeNull()
})

test('beyond 50,000 waiting statements, further ones are refused with storage_unavailable', async () => {
  const statements = Array.from({ length: 50_010 }, () => codeOf(sql`delete from probe`.execute(opened.db)))
  const refused = (await Promise.all(statements)).filter(code => code !== null)
  expect(refused).toEqual(Array(10).fill('storage_unavailable'))
})
