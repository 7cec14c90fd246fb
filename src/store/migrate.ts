import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { Kysely, type MigrationResultSet, Migrator, SqliteAdapter, SqliteDialect } from 'kysely'
import { HubError } from '../errors.js'
import { failureOf } from './failure.js'
import { migrations } from './migrations.js'
import { type Database, openForWriting } from './sqlite.js'

/** SQLite changes schemas inside transactions, so each migration happens wholly or not at all, also across a kill. */
class AtomicAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class AtomicDialect extends SqliteDialect {
  override createAdapter() {
    return new AtomicAdapter()
  }
}

export interface MigrationStatus {
  readonly name: string
  /** When it was applied, ISO 8601, or null. */
  readonly applied_at: string | null
}

async function withMigrator<T>(
  file: string,
  use: (migrator: Migrator) => Promise<T>,
  database = openFile(file),
): Promise<T> {
  const db = new Kysely<unknown>({ dialect: new AtomicDialect({ database }) })
  const provider = { getMigrations: async () => migrations }
  // The names begin with numbers; to compare them as people's words loads the rules of a language first.
  const nameComparator = (one: string, other: string) => Number(one > other) - Number(one < other)
  try {
    return await use(new Migrator({ db, provider, nameComparator }))
  } finally {
    await db.destroy()
  }
}

/** A file that is no database, or is damaged, is named and left as it is: it may still be rescued. */
function openFile(file: string): Database {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    return openForWriting(file, 'full')
  } catch (error) {
    throw cannotOpen(file, error)
  }
}

function cannotOpen(file: string, error: unknown): HubError {
  const { code, message } = failureOf(error)
  return new HubError('storage_unavailable', `The database ${file} cannot be opened: ${message} (${code}).`, [], error)
}

function namesOf({ error, results }: MigrationResultSet): string[] {
  if (error) {
    const why = error instanceof Error ? error.message : String(error)
    const newer = /corrupted migrations/.test(why)
    throw new HubError(
      'storage_unavailable',
      newer ? `The database is newer than this program (${why}).` : `A migration failed: ${why}`,
    )
  }
  return (results ?? []).map(result => result.migrationName)
}

/** Whether a database has had the migrations that there are, and no others: then nothing needs to be asked of the migrator. */
function isNewest(db: Database): boolean {
  const isThere = db.prepare("select count(*) from sqlite_schema where name = 'kysely_migration'").pluck().get()
  const applied = isThere ? db.prepare('select name from kysely_migration order by name').pluck().all() : []
  return Object.keys(migrations).join() === applied.join()
}

/** Brings the database to the newest schema, making file and folder when they are not there. Returns what was applied. */
export async function migrateUp(file: string): Promise<string[]> {
  const db = openFile(file)
  try {
    if (isNewest(db)) {
      db.close()
      return []
    }
  } catch (error) {
    db.close()
    throw cannotOpen(file, error)
  }
  return withMigrator(file, async migrator => namesOf(await migrator.migrateToLatest()), db)
}

/** Takes back the newest migration. Returns its name, or nothing when there was none. */
export const migrateDown = (file: string) => withMigrator(file, async migrator => namesOf(await migrator.migrateDown()))

export const migrationStatus = (file: string) =>
  withMigrator(file, async migrator =>
    (await migrator.getMigrations()).map(
      ({ name, executedAt }): MigrationStatus => ({ name, applied_at: executedAt?.toISOString() ?? null }),
    ),
  )
