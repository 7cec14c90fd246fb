import { existsSync } from 'node:fs'
import { Kysely, SqliteDialect } from 'kysely'
import { HubError } from '../errors.js'
import { JsonColumns } from './json.js'
import { openForReading } from './sqlite.js'
import type { Db } from './store.js'
import type { Tables } from './tables.js'

/** The database for queries alone, in this thread, beside a hub that runs or none. @throws HubError `not_found` when there is no such file */
export function openForQueries(file: string): Db {
  if (!existsSync(file)) throw new HubError('not_found', `There is no database ${file}.`)
  return new Kysely<Tables>({
    dialect: new SqliteDialect({ database: openForReading(file) }),
    plugins: [new JsonColumns()],
  })
}
