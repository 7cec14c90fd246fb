import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { type Query, type QueryOutcome, rowsOf } from './statements.js'
import type { Writer } from './writer.js'

/** Answers queries that change nothing. */
type Read = (query: Query) => Promise<QueryOutcome>
type Write = Pick<Writer, 'run' | 'acquire'>

/** Kysely over the threads: `select` goes to a reader, everything else to the writer; a transaction has the writer to itself. */
export const threadDialect = (writer: Write, read: Read): Dialect => ({
  createAdapter: () => adapter,
  createDriver: () => new ThreadDriver(writer, read),
  createIntrospector: db => new SqliteIntrospector(db),
  createQueryCompiler: () => compiler,
})

const adapter = new SqliteAdapter()
const compiler = new SqliteQueryCompiler()

class ThreadConnection implements DatabaseConnection {
  readonly #writer: Write
  readonly #read: Read
  #transaction: Awaited<ReturnType<Writer['acquire']>> | null = null
  #begun = false

  constructor(writer: Write, read: Read) {
    this.#writer = writer
    this.#read = read
  }

  async executeQuery<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    const query: Query = { sql: compiled.sql, parameters: compiled.parameters }
    const reads = compiled.query.kind === 'SelectQueryNode' || /^select\s/.test(query.sql)
    const outcome = await this.#run(query, reads)
    const { changes, lastInsertRowid } = outcome
    return { rows: rowsOf(outcome) as Row[], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  /** Long results are read page by page, so that no reader is held by a slow consumer. */
  streamQuery(): never {
    throw new Error('Streaming is not supported: read in pages.')
  }

  /** Takes the writer. The transaction itself begins with its first statement, which saves a way to the thread and back. */
  async begin(): Promise<void> {
    this.#transaction = await this.#writer.acquire()
    this.#begun = false
  }

  async end(sql: 'commit' | 'rollback'): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = null
    try {
      if (this.#begun) await transaction?.run({ sql, parameters: [], place: 'later' })
    } finally {
      transaction?.release()
    }
  }

  #run(query: Query, reads: boolean): Promise<QueryOutcome> {
    if (!this.#transaction) return reads ? this.#read(query) : this.#writer.run(query)
    const place = this.#begun ? 'later' : 'first'
    this.#begun = true
    return this.#transaction.run({ place, ...query })
  }
}

class ThreadDriver implements Driver {
  readonly #writer: Write
  readonly #read: Read

  constructor(writer: Write, read: Read) {
    this.#writer = writer
    this.#read = read
  }

  async init(): Promise<void> {
    // The threads are opened by the store.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new ThreadConnection(this.#writer, this.#read)
  }

  async releaseConnection(): Promise<void> {
    // A connection holds nothing outside a transaction.
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).begin()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).end('commit')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).end('rollback')
  }

  async destroy(): Promise<void> {
    // The threads are closed by the store.
  }
}
