import { type ResourceLimits, Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { errorOf, type Failure, storageUnavailable } from './failure.js'

/** What a worker thread says: `ready` once, then one answer to each request, in their order, or several at once; and what went wrong with something else. */
export type Reply<Value> =
  | { ready: true }
  | { value: Value }
  | { values: readonly Value[] }
  | { failure: Failure }
  | { warning: Failure }

interface Pending<Request, Value> {
  readonly request: Request
  resolve(value: Value): void
  reject(error: Error): void
  since: number
}

interface ThreadOptions {
  readonly url: URL
  readonly data: object
  /**
   * A request that takes longer, in milliseconds from the answer before it, means that the thread hangs: all its callers fail and it is replaced.
   * A thread with much to do answers one after the other.
   */
  readonly deadlineMs: number
  /** Requests change nothing: those behind the one at which the thread was lost are asked again of the next. */
  readonly repeatable?: boolean
  /** What it may take of memory; without, as much as there is. */
  readonly limits?: ResourceLimits
  readonly log: Logger
}

const sweepMs = 200
const maxBackoffMs = 2000

/**
 * A worker thread that answers requests, watched: when it dies or hangs the waiting callers fail with `storage_unavailable` and a new
 * one is started, after a pause that doubles while it keeps failing.
 */
export class Thread<Request, Value> {
  readonly #options: ThreadOptions
  /** The oldest first. No Map: what has passed through one is held until the old generation is collected. */
  readonly #pending: Pending<Request, Value>[] = []
  /** To be asked again when the next thread is ready. */
  #behind: Pending<Request, Value>[] = []
  readonly #sweep: NodeJS.Timeout
  #worker: Worker | null = null
  #restart: NodeJS.Timeout | null = null
  #backoffMs = 50
  #lastFault = 'starting'
  #closed = false
  #ready: { resolve(): void; reject(error: Error): void } | null = null

  constructor(options: ThreadOptions) {
    this.#options = options
    this.#sweep = setInterval(() => this.#failWhenHung(), sweepMs)
    this.#sweep.unref()
  }

  /** Starts the thread. Settles when it has opened its database; rejects when it cannot, and then nothing is left running. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#ready = { resolve, reject }
      this.#start()
    })
  }

  /** Without end while no thread is there. */
  get inFlight(): number {
    return this.#worker ? this.#pending.length : Number.POSITIVE_INFINITY
  }

  /** @param since when the oldest caller in this request began to wait, as `performance.now()` */
  post(request: Request, transfer: ArrayBuffer[] = [], since = performance.now()): Promise<Value> {
    const worker = this.#worker
    if (!worker) return Promise.reject(storageUnavailable(this.#lastFault))
    return new Promise<Value>((resolve, reject) => {
      // Throws for what cannot be cloned, and then nothing may be left waiting for an answer.
      worker.postMessage(request, transfer)
      this.#pending.push({ request, resolve, reject, since })
    })
  }

  /** Stops the thread. Callers settle their requests first. */
  async close(): Promise<void> {
    this.#closed = true
    this.#lastFault = 'closed'
    clearInterval(this.#sweep)
    if (this.#restart) clearTimeout(this.#restart)
    const worker = this.#worker
    this.#worker = null
    this.#failAll(storageUnavailable('closed'))
    if (!worker) return
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    worker.postMessage('close')
    const impatient = setTimeout(() => void worker.terminate(), 2000)
    await ended
    clearTimeout(impatient)
  }

  #start(): void {
    const worker = new Worker(this.#options.url, {
      workerData: this.#options.data,
      resourceLimits: this.#options.limits ?? {},
    })
    this.#worker = worker
    worker.on('message', (reply: Reply<Value>) => this.#settle(worker, reply))
    worker.on('error', error => this.#lost(worker, error.message))
    worker.on('messageerror', error => this.#replace(worker, error.message))
    worker.on('exit', code => this.#lost(worker, `the thread ended with code ${code}`))
  }

  #settle(worker: Worker, reply: Reply<Value>): void {
    if (this.#worker !== worker) return
    this.#answer(reply)
    const [next] = this.#pending
    if (next) next.since = Math.max(next.since, performance.now())
  }

  #answer(reply: Reply<Value>): void {
    if ('ready' in reply) {
      this.#backoffMs = 50
      this.#ready?.resolve()
      this.#ready = null
      for (const { request, resolve, reject } of this.#behind.splice(0)) this.post(request).then(resolve, reject)
      return
    }
    if ('warning' in reply) {
      this.#options.log.error({ why: reply.warning }, 'a thread could not do what it does by itself')
      return
    }
    if ('values' in reply) {
      for (const value of reply.values) this.#pending.shift()?.resolve(value)
      return
    }
    const pending = this.#pending.shift()
    if ('value' in reply) pending?.resolve(reply.value)
    else pending?.reject(errorOf(reply.failure))
  }

  #lost(worker: Worker, why: string): void {
    if (this.#worker !== worker) return
    this.#worker = null
    this.#lastFault = why
    const behind = this.#options.repeatable ? this.#pending.splice(1) : []
    this.#failAll(storageUnavailable(why))
    this.#behind = behind
    if (this.#closed) return
    if (this.#ready) {
      clearInterval(this.#sweep)
      this.#ready.reject(storageUnavailable(why))
      return
    }
    this.#options.log.error(
      { thread: this.#options.url.pathname.split('/').pop(), why },
      'a thread was lost and is restarted',
    )
    this.#restart = setTimeout(() => this.#start(), this.#backoffMs)
    this.#backoffMs = Math.min(this.#backoffMs * 2, maxBackoffMs)
  }

  #failWhenHung(): void {
    const worker = this.#worker
    const [oldest] = this.#pending
    if (!worker || !oldest || performance.now() - oldest.since < this.#options.deadlineMs) return
    this.#replace(worker, `no answer for ${this.#options.deadlineMs} ms`)
  }

  #replace(worker: Worker, why: string): void {
    void worker.terminate()
    this.#lost(worker, why)
  }

  #failAll(error: Error): void {
    for (const pending of [...this.#pending.splice(0), ...this.#behind.splice(0)]) pending.reject(error)
  }
}
