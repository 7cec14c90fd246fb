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

const cacheSize = 500

/** Prepared statements by their text, the 500 used last. */
export class Statements {
  readonly #db: Database
  readonly #cache = new Map<string, Statement>()

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
    if (known) {
      this.#cache.delete(sql)
      this.#cache.set(sql, known)
      return known
    }
    const statement = this.#db.prepare(sql)
    this.#cache.set(sql, statement)
    const oldest = this.#cache.keys().next().value
    if (this.#cache.size > cacheSize && oldest !== undefined) this.#cache.delete(oldest)
    return statement
  }
}
