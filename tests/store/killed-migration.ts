import type BetterSqlite from 'better-sqlite3'
import { migrateUp } from '../../src/store/migrate.js'
import { openForReading } from '../../src/store/sqlite.js'

/**
 * Migrates a database and kills itself, as kill -9 would, when it is about to run its nth statement.
 * Arguments: the database, another one that exists (for the driver's prototype), n.
 */
const [, , file = '', existing = '', count = '0'] = process.argv
const connection = openForReading(existing)
const prototype = Object.getPrototypeOf(connection) as BetterSqlite.Database
connection.close()
const { prepare } = prototype
let left = Number(count)
prototype.prepare = function (this: BetterSqlite.Database, source: string) {
  if (left-- <= 0) process.kill(process.pid, 'SIGKILL')
  return prepare.call(this, source)
} as typeof prepare
await migrateUp(file)
