import type { LoadConnection } from './load-connection.js'
import { LoadMessages, type MessageOptions } from './load-messages.js'
import type { LoadTally } from './load-tally.js'

interface PublisherOptions extends MessageOptions {
  /** With a rate a message is sent when `send` says so, without one as soon as there is room for it. */
  readonly per_second?: number | undefined
}

/** One device's window of messages. */
export class LoadPublisher {
  readonly #tally: LoadTally
  readonly #messages: LoadMessages
  readonly #sentAt: Float64Array
  readonly #paced: boolean
  /** Of a device with a rate: ids that no message has, and when the messages that wait for one were due: at most all that the load is to send. */
  readonly #free: number[] = []
  readonly #due: number[] = []
  #connection: LoadConnection | null = null

  constructor(options: PublisherOptions, id: string, tally: LoadTally) {
    this.#tally = tally
    this.#messages = new LoadMessages({ ...options, topic: options.topic.replaceAll('{id}', id) })
    this.#sentAt = new Float64Array(options.in_flight + 1)
    this.#paced = options.per_second !== undefined
  }

  begin(connection: LoadConnection): void {
    this.#connection = connection
    const last = this.#sentAt.length - 1
    if (this.#paced) for (let id = 1; id <= last; id++) this.#free.push(id)
    else this.#send(1, last, performance.now())
  }

  stop(): void {
    this.#connection = null
  }

  /** Sends one message, as soon as the window has room. @param due when it should have been, as `performance.now()` has it */
  send(due: number): void {
    this.#due.push(due)
    this.#sendDue()
  }

  acknowledged(ids: readonly number[]): void {
    if (this.#connection === null) return
    const now = performance.now()
    for (const id of ids) this.#tally.latencies.record(now - (this.#sentAt[id] ?? now))
    if (this.#paced) {
      this.#free.push(...ids)
      this.#sendDue()
    } else this.#sendAgain(ids, now)
  }

  #sendAgain(ids: readonly number[], now: number): void {
    let first = ids[0] ?? 0
    let last = first - 1
    for (const id of ids) {
      // Brokers acknowledge in order [MQTT-4.6.0-2], so these are mostly one run, and one write.
      if (id !== last + 1) {
        this.#send(first, last, now)
        first = id
      }
      last = id
    }
    this.#send(first, last, now)
  }

  #sendDue(): void {
    while (this.#free.length > 0) {
      const due = this.#due.shift()
      if (due === undefined) return
      const id = this.#free.shift() ?? 0
      this.#send(id, id, due)
    }
  }

  #send(first: number, last: number, at: number): void {
    for (let id = first; id <= last; id++) {
      this.#messages.renew(id)
      this.#sentAt[id] = at
    }
    this.#connection?.write(this.#messages.slice(first, last))
  }
}
