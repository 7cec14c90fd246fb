import { HubError } from '../errors.js'
import { type AppendItem, type PackedItems, packItems, type Told } from './append.js'
import { type Failure, storageUnavailable } from './failure.js'
import type { Query, QueryOutcome } from './statements.js'
import type { Thread } from './thread.js'
import { settle, Together } from './together.js'

export interface Batch {
  readonly asked: readonly Asked[]
  readonly items: PackedItems | null
}
export interface BatchOutcome {
  readonly outcomes: readonly (Answer | Failure)[]
  /** Index and reason of each item that was not taken. */
  readonly refused: readonly (readonly [number, string])[]
  /** What the append tells of the items. */
  readonly told: Told | null
}
/** What the append is to tell from now on. */
export interface Attend {
  readonly attend: unknown
}
/** Several statements, in their order: of a transaction, each answered by itself; in a batch all are done, or none. */
export interface Several {
  readonly statements: readonly Query[]
}
type Asked = Query | Several
type Answer = QueryOutcome | readonly QueryOutcome[]
export type WriterRequest = Batch | Several | Query | Attend
export type WriterAnswer = BatchOutcome | QueryOutcome | readonly (QueryOutcome | Failure)[]

/** Called after the commit: with null, with why the message was refused (nothing of it is stored), or with why nothing could be stored. */
export type AppendDone = (error: Error | null, refused: string | null) => void

/** Hears after the commit what the append tells of a batch; null when nobody knows whether a batch was committed. */
export type Hear = (told: Told | null) => void

interface Waiting {
  readonly asked: Asked
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** Who waits for a batch that is with the thread. */
interface Posted {
  readonly queries: readonly Waiting[]
  readonly dones: readonly AppendDone[]
  readonly bytes: number
}

/**
 * What may be with the thread, which commits at once whatever has come by then: while one commit is under way the next is gathered, or senders
 * with one message in flight would move in lockstep (D2). A statement waits behind no more than that. In points of eight bytes, the smallest,
 * it is a quarter of a second of work.
 */
const maxPosted = 4096
const maxPostedBytes = 256 << 10
/** Beyond this much waiting payload, callers are told to come again; sockets are paused long before (see the broker). */
const maxWaitingBytes = 128 << 20
const maxWaitingQueries = 50_000
const transactionLimitMs = 4000

/** The main thread's side of the one writer: gathers what arrives and settles each caller with the commit that holds its write. */
export class Writer {
  readonly #thread: Thread<WriterRequest, WriterAnswer>
  #items: AppendItem[] = []
  #dones: AppendDone[] = []
  #bytes = 0
  #queries: Waiting[] = []
  #since = 0
  #scheduled = false
  #batches = 0
  /** Items and statements of these batches, and bytes of payload. */
  #posted = 0
  #postedBytes = 0
  #exclusive = false
  /** A transaction has ended and writes wait: one batch of them goes before the next transaction. */
  #batchFirst = false
  #waitingExclusive: (() => void)[] = []
  #idle: (() => void)[] = []
  #hear: Hear | null = null

  constructor(thread: Thread<WriterRequest, WriterAnswer>) {
    this.#thread = thread
  }

  /** Hands one message to the append; `done` is called once, after its commit. */
  append(item: AppendItem, done: AppendDone): void {
    if (this.#bytes > maxWaitingBytes) {
      done(storageUnavailable('too much is waiting to be written'), null)
      return
    }
    this.#items.push(item)
    this.#dones.push(done)
    this.#bytes += item.payload.length
    this.#schedule()
  }

  /** What the append is to tell of what comes from now on, and who hears it. Settles when the thread knows, or is lost. */
  async attend(to: unknown, hear: Hear): Promise<void> {
    this.#hear = hear
    await this.#thread.post({ attend: to })
  }

  /** Runs one statement in the next group commit. Settles after that commit; its own failure fails nobody else. */
  run(query: Query): Promise<QueryOutcome> {
    return this.#ask(query) as Promise<QueryOutcome>
  }

  /** Runs statements in the next group commit, all of them or none. Settles after that commit; nobody waits for them but who asks. */
  runAll(statements: readonly Query[]): Promise<readonly QueryOutcome[]> {
    return this.#ask({ statements }) as Promise<readonly QueryOutcome[]>
  }

  #ask(asked: Asked): Promise<Answer> {
    if (this.#queries.length >= maxWaitingQueries)
      return Promise.reject(storageUnavailable('too much is waiting to be written'))
    return new Promise((resolve, reject) => {
      this.#queries.push({ asked, resolve, reject })
      this.#schedule()
    })
  }

  /**
   * Takes the writer for one transaction: nothing else is written until `release` is called, at most 4 s later. Statements go
   * through the returned `run`, in the order of the calls, outside any batch; those of one turn together.
   */
  async acquire(): Promise<{ run(query: Query): Promise<QueryOutcome>; release(): void }> {
    if (this.#exclusive || this.#batches > 0 || this.#batchFirst || this.#waitingExclusive.length > 0) {
      await new Promise<void>(resolve => this.#waitingExclusive.push(resolve))
    }
    this.#exclusive = true
    let held = true
    const post = (query: Query) => this.#thread.post(query) as Promise<QueryOutcome>
    const together = new Together(
      async statements => (await this.#thread.post({ statements })) as readonly (QueryOutcome | Failure)[],
    )
    const free = () => {
      this.#exclusive = false
      this.#batchFirst = this.#isWaiting()
      this.#next()
    }
    const release = () => {
      if (!held) return
      held = false
      clearTimeout(limit)
      free()
    }
    const limit = setTimeout(() => {
      // Nothing of this transaction may reach the thread behind the rollback: it would be committed by itself.
      held = false
      post({ sql: 'rollback', parameters: [] }).then(free, free)
    }, transactionLimitMs)
    const run = (query: Query) =>
      held
        ? together.run(query)
        : Promise.reject(new HubError('internal', `A transaction was held longer than ${transactionLimitMs} ms.`))
    return { run, release }
  }

  /** Settles when nothing is waiting or under way. */
  async flush(): Promise<void> {
    if (this.#isIdle()) return
    await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  #isWaiting(): boolean {
    return this.#items.length > 0 || this.#queries.length > 0
  }

  #isIdle(): boolean {
    return !this.#isWaiting() && this.#batches === 0 && !this.#exclusive && this.#waitingExclusive.length === 0
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#since = performance.now()
    setImmediate(() => {
      this.#scheduled = false
      this.#post()
    })
  }

  #post(): void {
    const transactionFirst = this.#waitingExclusive.length > 0 && !this.#batchFirst
    if (this.#exclusive || transactionFirst || this.#posted >= maxPosted || this.#postedBytes >= maxPostedBytes) return
    this.#batchFirst = false
    const queries = this.#queries.splice(0, maxPosted)
    const { items, dones, bytes } = this.#takeItems()
    if (queries.length === 0 && items.length === 0) return
    const packed = items.length > 0 ? packItems(items, bytes) : null
    const batch: Batch = { asked: queries.map(({ asked }) => asked), items: packed }
    const posted = { queries, dones, bytes }
    this.#count(posted, 1)
    const transfer = packed ? [packed.numbers.buffer, packed.payloads.buffer] : []
    this.#thread.post(batch, transfer, this.#since).then(
      outcome => this.#settle(posted, outcome as BatchOutcome),
      error => this.#fail(posted, error),
    )
    if (this.#isWaiting()) this.#schedule()
  }

  #count({ queries, dones, bytes }: Posted, sign: 1 | -1): void {
    this.#batches += sign
    this.#posted += sign * (queries.length + dones.length)
    this.#postedBytes += sign * bytes
  }

  #takeItems() {
    let count = 0
    let bytes = 0
    for (const { payload } of this.#items) {
      const full = this.#posted + count >= maxPosted || this.#postedBytes + bytes + payload.length > maxPostedBytes
      if (full && this.#posted + count > 0) break
      bytes += payload.length
      count++
    }
    this.#bytes -= bytes
    const whole = count === this.#items.length
    const items = whole ? this.#items : this.#items.splice(0, count)
    const dones = whole ? this.#dones : this.#dones.splice(0, count)
    if (whole) {
      this.#items = []
      this.#dones = []
    }
    return { items, dones, bytes }
  }

  #settle(posted: Posted, { outcomes, refused, told }: BatchOutcome): void {
    this.#count(posted, -1)
    this.#next()
    const { queries, dones } = posted
    for (const [i, waiting] of queries.entries()) settle(waiting, outcomes[i])
    const reasons = refused.length > 0 ? new Map(refused) : null
    for (let i = 0; i < dones.length; i++) dones[i]?.(null, reasons?.get(i) ?? null)
    if (told) this.#hear?.(told)
  }

  #fail(posted: Posted, error: Error): void {
    this.#count(posted, -1)
    // Whoever waited behind a lost writer has waited as long: they fail with it and come again.
    const behind = this.#takeItems().dones
    const queries = [...posted.queries, ...this.#queries.splice(0)]
    this.#next()
    for (const waiting of queries) waiting.reject(error)
    for (const done of [...posted.dones, ...behind]) done(error, null)
    this.#hear?.(null)
  }

  #next(): void {
    if (!this.#isWaiting()) this.#batchFirst = false
    if (this.#batches === 0 && !this.#exclusive && !this.#batchFirst && this.#waitingExclusive.length > 0) {
      this.#exclusive = true
      this.#waitingExclusive.shift()?.()
      return
    }
    if (this.#isWaiting()) this.#schedule()
    else if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
