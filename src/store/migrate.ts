import { promises as fs, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileMigrationProvider, Kysely, type MigrationResultSet, Migrator, SqliteAdapter, SqliteDialect } from 'kysely'
import { HubError } from '../errors.js'
import { failureOf } from './failure.js'
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

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

async function withMigrator<T>(file: string, use: (migrator: Migrator) => Promise<T>): Promise<T> {
  const db = new Kysely<unknown>({ dialect: new AtomicDialect({ database: openFile(file) }) })
  try {
    return await use(new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder: folder }) }))
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
    const { code, message } = failureOf(error)
    throw new HubError('storage_unavailable', `The database ${file} cannot be opened: ${message} (${code}).`, [], error)
  }
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

/** Brings the database to the newest schema, making file and folder when they are not there. Returns what was applied. */
export const migrateUp = (file: string) =>
  withMigrator(file, async migrator => namesOf(await migrator.migrateToLatest()))

/** Takes back the newest migration. Returns its name, or nothing when there was none. */
export const migrateDown = (file: string) => withMigrator(file, async migrator => namesOf(await migrator.migrateDown()))

export const migrationStatus = (file: string) =>
  withMigrator(file, async migrator =>
    (await migrator.getMigrations()).map(
      ({ name, executedAt }): MigrationStatus => ({ name, applied_at: executedAt?.toISOString() ?? null }),
    ),
  )
