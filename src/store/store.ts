import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Dialect, Kysely, sql } from 'kysely'
import type { Logger } from 'pino'
import type { AppendItem } from './append.js'
import { threadDialect } from './dialect.js'
import { JsonColumns } from './json.js'
import { migrateUp } from './migrate.js'
import { type Patience, readPatiently } from './patience.js'
import type { Sync } from './sqlite.js'
import type { Query, QueryOutcome } from './statements.js'
import type { Tables } from './tables.js'
import { Thread } from './thread.js'
import { Together } from './together.js'
import { Turns } from './turns.js'
import { type AppendDone, type Hear, Writer, type WriterAnswer, type WriterRequest } from './writer.js'

export type Db = Kysely<Tables>

export interface Store {
  /** Kysely on the threads. A write's promise settles with the commit that holds it; a later select sees it. */
  readonly db: Db
  /**
   * Runs all the statements that `ask` asks for in one go, in the next group commit: all of them or none, and nobody waits for them as for a
   * transaction. They see each other's changes, but `ask` sees no answer before the commit.
   */
  together<Result>(ask: (tx: Db) => Promise<Result>): Promise<Result>
  /**
   * For one query that may be long, and is made of short statements: each select takes its turn among those of other such queries, and one
   * reader is left to everybody else where there are two. What is not there in time fails with `query_timeout`.
   */
  within(patience: Patience): Db
  /** Hands one message to the hot append. `done` is called once, after the commit. */
  append(item: AppendItem, done: AppendDone): void
  /**
   * What the append is to tell, in terms of its own, of what comes from now on: `hear` is called after each commit that has something of it, and
   * with null when a batch was lost of which nobody knows whether it was committed. Settles when the writer's thread knows.
   */
  attend(to: unknown, hear: Hear): Promise<void>
  /** Settles once a row has been committed just now; rejects with `storage_unavailable` when none can be. */
  probe(): Promise<void>
  /** Writes the write-ahead log back into the database and empties it. */
  checkpoint(): Promise<void>
  size(): Promise<StoreSize>
  /** Waits for every write under way, then closes the threads. The database file alone then holds everything. */
  close(): Promise<void>
}

/** In bytes. */
export interface StoreSize {
  /** What the database takes on the disk, with its write-ahead log. */
  readonly database_bytes: number
  /** What of the database file is in use, and what in it is free to be used. */
  readonly used_bytes: number
  readonly spare_bytes: number
  /** What is free on its file system. */
  readonly free_bytes: number
}

interface StoreOptions {
  readonly file: string
  readonly sync: Sync
  readonly readers: number
  /** The module that exports `openAppendWriter` (append.ts), loaded inside the writer thread. */
  readonly append_module: URL
  readonly log: Logger
}

/** Every caller of a dead or hung writer knows within 5 s (the sweep's 0.2 s included). */
const writerDeadlineMs = 4500
const readerDeadlineMs = 30_000

/**
 * Opens the database file: migrates it, then starts one writer thread and the readers.
 * @throws HubError `storage_unavailable` when the file cannot be opened, is damaged, or is newer than this program
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { file, sync, log } = options
  await migrateUp(file)
  const writerData = { file, sync, append_module: options.append_module.href, attend: null as unknown }
  const writerThread = new Thread<WriterRequest, WriterAnswer>({
    url: new URL('./writer-thread.js', import.meta.url),
    data: writerData,
    deadlineMs: writerDeadlineMs,
    log,
  })
  const readers = Array.from({ length: options.readers }, () => readerThread(file, log))
  const threads = [writerThread, ...readers]
  try {
    await Promise.all(threads.map(thread => thread.open()))
  } catch (error) {
    await Promise.all(threads.map(thread => thread.close()))
    throw error
  }
  const writer = new Writer(writerThread)
  const plugins = [new JsonColumns()]
  const read = (query: Query) => leastBusy(readers).post(query)
  const db = new Kysely<Tables>({ dialect: threadDialect(writer, read), plugins })
  const turns = new Turns(Math.max(1, readers.length - 1))
  const probe = () => db.replaceInto('probe').values({ id: 1, written_at: Date.now() }).execute()

  return {
    db,
    together: ask => ask(new Kysely<Tables>({ dialect: togetherDialect(writer), plugins })),
    within: patience =>
      new Kysely<Tables>({ dialect: threadDialect(writer, readPatiently(read, turns, patience)), plugins }),
    append: (item, done) => writer.append(item, done),
    attend: (to, hear) => {
      writerData.attend = to
      return writer.attend(to, hear)
    },
    probe: async () => void (await probe()),
    checkpoint: async () => {
      const held = await writer.acquire()
      try {
        await held.run({ sql: 'pragma wal_checkpoint(truncate)', parameters: [] })
      } finally {
        held.release()
      }
    },
    size: () => sizeOf(file, db),
    close: async () => {
      await writer.flush()
      // The writer last: SQLite writes the log back and removes it when the last connection closes, if that one may write.
      await Promise.all(readers.map(thread => thread.close()))
      await writerThread.close()
    },
  }
}

async function sizeOf(file: string, db: Db): Promise<StoreSize> {
  const sizes = [file, `${file}-wal`].map(path =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    ),
  )
  const database_bytes = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0)
  const { bavail, bsize } = await statfs(dirname(file))
  const { rows } = await sql<{
    used_bytes: number
    spare_bytes: number
  }>`select (page_count - freelist_count) * page_size as used_bytes,
    freelist_count * page_size as spare_bytes from pragma_page_count(), pragma_freelist_count(), pragma_page_size()`.execute(
    db,
  )
  const { used_bytes = 0, spare_bytes = 0 } = rows[0] ?? {}
  return { database_bytes, used_bytes, spare_bytes, free_bytes: bavail * bsize }
}

/** One go: what is asked for after it would be committed by itself, and is refused. */
function togetherDialect(writer: Writer): Dialect {
  let gone = false
  const together = new Together(statements => {
    gone = true
    return writer.runAll(statements)
  })
  const run = (query: Query) =>
    gone ? Promise.reject(new Error('What belongs together must be asked for at once.')) : together.run(query)
  return threadDialect({ run, acquire: () => Promise.reject(new Error('This is within a commit already.')) }, run)
}

type Reader = Thread<Query, QueryOutcome>

const readerThread = (file: string, log: Logger): Reader =>
  new Thread({
    url: new URL('./reader-thread.js', import.meta.url),
    data: { file },
    deadlineMs: readerDeadlineMs,
    repeatable: true,
    log,
  })

function leastBusy(readers: readonly Reader[]): Reader {
  return readers.reduce((best, reader) => (reader.inFlight < best.inFlight ? reader : best))
}
