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

/** The values of all rows, one row after the other: they are copied to the asking thread six times faster than an object for each row. */
export interface QueryOutcome {
  readonly columns: readonly string[]
  readonly values: readonly unknown[]
  readonly changes: number
  readonly lastInsertRowid: number
}

/** The rows as objects. */
export function rowsOf({ columns, values }: QueryOutcome): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = []
  for (let at = 0; at < values.length; at += columns.length) {
    const row: Record<string, unknown> = {}
    for (const [i, name] of columns.entries()) row[name] = values[at + i]
    rows.push(row)
  }
  return rows
}

interface Prepared {
  readonly statement: Statement
  /** None for a statement that has no rows. */
  readonly columns: readonly string[]
}

/** Prepared statements by their text, those used last. */
export class Statements {
  readonly #db: Database
  readonly #cache = new QuickLRU<string, Prepared>({ maxSize: 250 })

  constructor(db: Database) {
    this.#db = db
  }

  run(query: Query): QueryOutcome {
    const { statement, columns } = this.#prepare(query.sql)
    const parameters = query.parameters.map(toSqlite)
    if (columns.length > 0) {
      const values: unknown[] = []
      for (const row of statement.all(...parameters) as unknown[][]) values.push(...row)
      return { columns, values, changes: 0, lastInsertRowid: 0 }
    }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { columns, values: [], changes, lastInsertRowid: Number(lastInsertRowid) }
  }

  #prepare(sql: string): Prepared {
    const known = this.#cache.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    const columns = statement.reader
      ? statement
          .raw()
          .columns()
          .map(({ name }) => name)
      : []
    const prepared = { statement, columns }
    this.#cache.set(sql, prepared)
    return prepared
  }
}
