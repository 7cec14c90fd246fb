import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { listAudit, record, system } from '../../src/audit/audit.js'
import { type Head, readHead, writeHead } from '../../src/audit/head.js'
import { verifyAudit } from '../../src/audit/verify.js'
import { type Database, openForWriting } from '../../src/store/sqlite.js'
import type { Db } from '../../src/store/store.js'
import type { Tables } from '../../src/store/tables.js'
import { openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
let folder: string
/** The same file, as somebody with the disk in their hands sees it. */
let raw: Database
let db: Db
let head: Head | null
const rows = 200

beforeAll(async () => {
  opened = await openTestStore()
  folder = await mkdtemp(join(tmpdir(), 'hearth-audit-'))
  const actors = ['ann', 'bob', 'çedilla', 'd\n"e'].map(id => ({
    ...system,
    kind: 'person' as const,
    id,
    address: '10.0.0.7',
  }))
  await Promise.all(
    Array.from({ length: rows }, (_, i) => {
      const actor = actors[i % actors.length] ?? system
      const detail = i % 3 === 0 ? null : { i, text: `it's ${i}` }
      return record(opened.db, { actor, action: 'device.change', target: `device/d${i}`, outcome: 'done', detail })
    }),
  )
  await writeHead(opened.db, folder)
  head = await readHead(folder)
  raw = openForWriting(opened.file, 'normal')
  raw.exec('drop trigger audit_is_not_changed; drop trigger audit_is_not_deleted')
  db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: raw }) })
})
afterAll(async () => {
  await db.destroy()
  await opened.close()
  await rm(folder, { recursive: true })
})

test('an untouched audit holds together, and rows that came after the head are said to have', async () => {
  expect(await verifyAudit(db, head)).toEqual({ ok: true, rows, bad: null, after_head: 0 })
  raw.exec('begin')
  await record(db, { actor: system, action: 'later', outcome: 'done' })
  expect(await verifyAudit(db, head)).toEqual({ ok: true, rows: rows + 1, bad: null, after_head: 1 })
  raw.exec('rollback')
})

describe('what somebody does to it with the file in their hands is found', () => {
  const seed = Date.now() % 1_000_000
  const random = createRandom(seed)
  const pick = (from: number, to: number) => from + Math.floor(random.next() * (to - from + 1))
  const columns = [
    'at',
    'actor_id',
    'actor_kind',
    'address',
    'action',
    'target',
    'outcome',
    'times',
    'detail',
    'hash',
  ] as const

  /** Each changes the table, and gives the number of the first row that is no longer as it was written. */
  const tamperings: Record<string, () => number> = {
    edit: () => {
      const seq = pick(1, rows)
      const column = columns[pick(0, columns.length - 1)] ?? 'at'
      const number = column === 'at' || column === 'times'
      raw
        .prepare(`update audit set ${column} = ? where seq = ?`)
        .run(number ? pick(2, 1e9) : `{"x":${random.next()}}`, seq)
      return seq
    },
    deletion: () => {
      const seq = pick(1, rows)
      raw.prepare('delete from audit where seq = ?').run(seq)
      return seq
    },
    'deletion that closes the gap': () => {
      const seq = pick(1, rows - 1)
      raw.prepare('delete from audit where seq = ?').run(seq)
      raw.prepare('update audit set seq = -seq where seq > ?').run(seq)
      raw.exec('update audit set seq = -seq - 1 where seq < 0')
      return seq
    },
    swap: () => {
      const first = pick(1, rows - 1)
      const second = pick(first + 1, rows)
      const move = raw.prepare('update audit set seq = ? where seq = ?')
      move.run(-1, first)
      move.run(first, second)
      move.run(second, -1)
      return first
    },
    truncation: () => {
      const left = pick(0, rows - 1)
      raw.prepare('delete from audit where seq > ?').run(left)
      return left + 1
    },
    insertion: () => {
      const seq = pick(1, rows)
      raw.prepare('update audit set seq = -seq where seq >= ?').run(seq)
      raw.exec('update audit set seq = -seq + 1 where seq < 0')
      raw
        .prepare(`insert into audit select ?, at, actor_kind, 'mallory', address, request_id, action, target, home_id, outcome, times,
        detail, hash from audit where seq = ?`)
        .run(seq, seq + 1)
      return seq
    },
  }

  test(`1000 of 1000 random edits, deletions, reorderings, truncations and insertions (seed ${seed})`, async () => {
    const kinds = Object.keys(tamperings)
    const missed: string[] = []
    for (let i = 0; i < 1000; i++) {
      const kind = kinds[i % kinds.length] ?? ''
      raw.exec('begin')
      const first = tamperings[kind]?.()
      const { ok, bad } = await verifyAudit(db, head)
      raw.exec('rollback')
      if (ok || bad?.seq !== first) missed.push(`${i}: ${kind} at ${first}, found ${JSON.stringify(bad)}`)
    }
    expect(missed).toEqual([])
  }, 120_000)

  test('and a whole chain made anew does not end in the head that was signed', async () => {
    raw.exec(`begin; delete from audit where seq > 100`)
    for (let i = 100; i < rows; i++) await record(db, { actor: system, action: 'forged', outcome: 'done' })
    expect(await verifyAudit(db, head)).toMatchObject({ ok: false, bad: { seq: rows } })
    raw.exec('rollback')
  })

  test('a head that is missing, or not signed with our key, vouches for nothing', async () => {
    expect(await verifyAudit(db, null)).toMatchObject({ ok: false, rows })
    const elsewhere = await mkdtemp(join(tmpdir(), 'hearth-audit-'))
    expect(await readHead(elsewhere)).toBeNull()
    await rm(elsewhere, { recursive: true })
  })
})

test('the table refuses to be changed, and its rows are found by who, what and where', async () => {
  const other = await openTestStore()
  for (const [id, action] of [
    ['ann', 'home.create'],
    ['bob', 'home.create'],
    ['ann', 'home.delete'],
  ] as const) {
    const actor = { ...system, kind: 'person', id } as const
    await record(other.db, { actor, action, home_id: 'h', outcome: 'done' })
  }
  await expect(other.db.updateTable('audit').set({ action: 'x' }).execute()).rejects.toMatchObject({ code: 'conflict' })
  await expect(other.db.deleteFrom('audit').execute()).rejects.toMatchObject({ code: 'conflict' })
  const found = await listAudit(other.db, { limit: 10, actor_id: 'ann' })
  expect(found.rows.map(({ seq, action }) => [seq, action])).toEqual([
    [3, 'home.delete'],
    [1, 'home.create'],
  ])
  expect((await listAudit(other.db, { limit: 10, action: 'home.create', home_id: 'h' })).rows).toHaveLength(2)
  await other.close()
})
