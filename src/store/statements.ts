import QuickLRU from 'quick-lru'
import { toSqlite } from './json.js'
import type { Database, Statement } from './sqlite.js'

/** One SQL statement with its parameters, as Kysely compiles it. */
export interface Query {
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Its place in a transaction that several queries make: the first one begins it, the others run only while it lasts. */
  readonly place?: 'first' | 'later'
}

export interface QueryOutcome {
  readonly rows: Record<string, unknown>[]
  readonly changes: number
  readonly lastInsertRowid: number
}

/** Prepared statements by their text, those used last. */
export class Statements {
  readonly #db: Database
  readonly #cache = new QuickLRU<string, Statement>({ maxSize: 250 })

  constructor(db: Database) {
    this.#db = db
  }

  run(query: Query): QueryOutcome {
    const statement = this.#prepare(query.sql)
    const parameters = query.parameters.map(toSqlite)
    if (statement.reader) {
      return { rows: statement.all(...parameters) as Record<string, unknown>[], changes: 0, lastInsertRowid: 0 }
    }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], changes, lastInsertRowid: Number(lastInsertRowid) }
  }

  #prepare(sql: string): Statement {
    const known = this.#cache.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#cache.set(sql, statement)
    return statement
  }
}
