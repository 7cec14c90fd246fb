import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type BetterSqlite from 'better-sqlite3'
import { sql } from 'kysely'
import { pino } from 'pino'
import { openForReading, type Sync } from '../../src/store/sqlite.js'
import { type Db, openStore, type Store } from '../../src/store/store.js'

export const silent = pino({ level: 'silent' })
const telemetryAppend = new URL('../../src/telemetry/append.js', import.meta.url)
/** An append that fails on request (unruly-append.ts). */
export const unrulyAppend = new URL('./unruly-append.js', import.meta.url)

export interface TestStore {
  readonly store: Store
  readonly db: Db
  readonly file: string
  /** Hands one message to the append. @returns why it was refused, or null; rejects when it could not be stored */
  append(payload: unknown, more?: Partial<Parameters<Store['append']>[0]>): Promise<string | null>
  /** One value of one row, read by a connection of its own, outside the store's threads. */
  look(query: string): unknown
  /** Closes the store and opens another on the same file. */
  reopen(): Promise<TestStore>
  /** Closes the store and removes its file. */
  close(): Promise<void>
}

/** A store on a real file in a directory of its own. */
export async function openTestStore(
  options: { sync?: Sync; append_module?: URL; file?: string } = {},
): Promise<TestStore> {
  const file = options.file ?? join(await mkdtemp(join(tmpdir(), 'hearth-store-')), 'hearth.db')
  const { sync = 'full', append_module = telemetryAppend } = options
  const store = await openStore({ file, sync, readers: 1, append_module, log: silent })
  return {
    store,
    db: store.db,
    file,
    append: (payload, more) => append(store, payload, more),
    look: query => look(file, query),
    reopen: async () => {
      await store.close()
      return openTestStore({ ...options, file })
    },
    close: async () => {
      await store.close()
      await rm(join(file, '..'), { recursive: true, force: true })
    },
  }
}

function append(
  store: Store,
  payload: unknown,
  more: Partial<Parameters<Store['append']>[0]> = {},
): Promise<string | null> {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload))
  const item = { device_num: 1, received_at: Date.now(), message_id: null, dup: false, payload: bytes, ...more }
  return new Promise((resolve, reject) => {
    store.append(item, (error, refused) => (error ? reject(error) : resolve(refused)))
  })
}

export function look(file: string, query: string): unknown {
  const connection = openForReading(file)
  try {
    return connection.prepare(query).pluck().get()
  } finally {
    connection.close()
  }
}

/** A connection that another process might have: it can write, lock and spoil. */
export function openRaw(file: string): BetterSqlite.Database {
  const probe = openForReading(file)
  const Sqlite = probe.constructor as typeof BetterSqlite
  probe.close()
  return new Sqlite(file)
}

interface MadeSample {
  readonly device_num: number
  readonly ts: number
  readonly data: Record<string, number | boolean | string>
}

/** Inserts samples past the append, a thousand at a time: many go faster, and they may be as no append would leave them. */
export async function insertSamples(db: Db, samples: readonly MadeSample[], received_at = 0): Promise<void> {
  const rest = { shape_num: null, metadata: null, quality: null, message_id: null }
  const rows = samples.map(sample => ({ ...sample, ...rest, delay: received_at - sample.ts }))
  for (let i = 0; i < rows.length; i += 1000)
    await db
      .insertInto('samples')
      .values(rows.slice(i, i + 1000))
      .execute()
}

/** A device of this id in a home of its own. @returns its number, which is 1 for the first */
export async function addDevice(db: Db, id = 'd', timezone = 'UTC'): Promise<number> {
  const made = { created_at: 0, updated_at: 0 }
  const home = { id: `home-${id}`, name: 'home', timezone, ...made }
  await db.insertInto('homes').values(home).execute()
  const device = { id, home_id: home.id, name: id, type: 'x', status: 'active' as const, ...made }
  const { num } = await db.insertInto('devices').values(device).returning('num').executeTakeFirstOrThrow()
  return num
}

/** Inserts a home through the store: the smallest write there is. */
export const addHome = (db: Db, id: string) =>
  db.insertInto('homes').values({ id, name: id, timezone: 'UTC', created_at: 0, updated_at: 0 }).execute()

export const homes = (file: string) => look(file, 'select count(*) from homes') as number

/** A pragma as the writer's own connection has it. */
export async function writerPragma(db: Db, name: string): Promise<unknown> {
  const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db)
  return rows[0]?.[name]
}

/** Runs a write and tells how it failed. @returns its code, or null when it did not fail */
export async function codeOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work
    return null
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
