import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type BetterSqlite from 'better-sqlite3'
import { fieldInBlock, unpackBlock } from '../blocks.js'
import type { JsonObject } from '../json.js'
import { diffPatch, keepWishes, mergePatch } from '../twin.js'

export type Database = BetterSqlite.Database
export type Statement = BetterSqlite.Statement
export type Sync = 'full' | 'normal'

/**
 * better-sqlite3 12 serves Node 20 to 22 and breaks in garbage collection on Node 24.19 and later (nodejs/node#65446); 13 needs
 * Node-API 10. So both are installed, under two names, and the runtime decides.
 */
function load(): typeof BetterSqlite {
  const require = createRequire(import.meta.url)
  if (Number(process.versions.napi) >= 10) {
    try {
      return require('better-sqlite3-napi')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return require('better-sqlite3')
}

const Sqlite = load()

/** How long a statement waits for another process's lock, in milliseconds. Shorter than the writer's deadline. */
const busyTimeoutMs = 2000

/**
 * Opens a database file for writing, in WAL mode. `synchronous` is set and read back at every open: better-sqlite3 is compiled so
 * that a re-opened WAL database would silently run NORMAL (D1).
 * @throws when the file cannot be opened, is no database, or does not take the settings
 */
export function openForWriting(file: string, sync: Sync): Database {
  const db = new Sqlite(file, { timeout: busyTimeoutMs })
  // Of use before the first table only: free pages can be given back (give-back.ts).
  db.pragma('auto_vacuum = incremental')
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${sync}`)
  db.pragma('foreign_keys = ON')
  db.pragma('journal_size_limit = 67108864')
  // A thousand devices are a thousand places in the tree: they fit in 32 MiB, and 2 MiB, the default, would be read anew at each commit.
  db.pragma('cache_size = -32768')
  // 32 MiB of log before it is written back, instead of 4: the pages at the devices' ends are then written once for many commits.
  db.pragma('wal_autocheckpoint = 8000')
  const wanted = sync === 'full' ? 2 : 1
  const mode = db.pragma('journal_mode', { simple: true })
  const level = db.pragma('synchronous', { simple: true })
  if (mode !== 'wal' || level !== wanted) {
    db.close()
    throw new Error(
      `SQLite runs with journal_mode=${String(mode)} synchronous=${String(level)}, wanted wal and ${wanted}`,
    )
  }
  addFunctions(db)
  addBlockFunctions(db)
  return db
}

/**
 * `samples_in_block(data)` as JSON, `[ts, received_at, data, metadata, quality]` each; `field_in_block(data, field, start, end)` likewise, `[ts, value]`
 * each of those from `start` until before `end`.
 */
function addBlockFunctions(db: Database): void {
  db.function('samples_in_block', { deterministic: true }, block =>
    JSON.stringify(
      unpackBlock(block as Buffer).map(({ ts, received_at, data, metadata, quality }) => [
        ts,
        received_at,
        data,
        metadata,
        quality,
      ]),
    ),
  )
  db.function('field_in_block', { deterministic: true }, (block, field, start, end) =>
    JSON.stringify(
      fieldInBlock(block as Buffer, String(field)).filter(([ts]) => ts >= Number(start) && ts < Number(end)),
    ),
  )
}

/**
 * `sha256(text)` in hexadecimal, and what a device's state is changed by, see src/twin.ts. SQLite's own json_patch compares every name with every
 * other; `merge_patch` takes linear time.
 */
function addFunctions(db: Database): void {
  db.function('sha256', { deterministic: true }, text => createHash('sha256').update(String(text)).digest('hex'))
  db.function('merge_patch', { deterministic: true }, (target, patch) =>
    JSON.stringify(mergePatch(parse(target), parse(patch))),
  )
  db.function('diff_patch', { deterministic: true }, (before, after) =>
    JSON.stringify(diffPatch(parse(before), parse(after))),
  )
  db.function(
    'keep_wishes',
    { deterministic: true },
    (desired, wishes, seen_version, connected_at, reported, patch) => {
      const made = parse(wishes) as Record<string, [version: number, at: number]>
      const isSeen = (name: string) => {
        const [version, at] = made[name] ?? [0, 0]
        return version <= Number(seen_version) || at >= Number(connected_at)
      }
      return JSON.stringify(keepWishes(parse(desired), parse(reported), parse(patch), isSeen))
    },
  )
}

const parse = (text: unknown): JsonObject => JSON.parse(String(text))

/** Opens the same file for queries only. */
export function openForReading(file: string): Database {
  const db = new Sqlite(file, { timeout: busyTimeoutMs, readonly: true })
  db.pragma('query_only = ON')
  addBlockFunctions(db)
  return db
}

/** Opens a file and keeps everybody else out of it. @throws SqliteError `SQLITE_BUSY` when somebody is in */
export function openLocked(file: string): Database {
  const db = new Sqlite(file, { timeout: 0 })
  try {
    db.exec('begin exclusive')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
