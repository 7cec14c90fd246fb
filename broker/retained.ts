import type { Logger } from 'pino'
import type { Db } from '../src/store/store.js'
import { isRestoredTopic, matches } from '../src/topics.js'
import type { Message } from './internals.js'
import { bytesOf, ownBytes } from './session-rows.js'

/** What programs may have retained, all of them together. */
const maxKept = 10_000
const maxKeptBytes = 16 * 1024 * 1024

interface Entry {
  readonly packet: Message
  /** A program's: it has a row, and counts. */
  readonly kept: boolean
}

/** Retained messages: all of them in memory, those of programs in rows as well. What the hub has retained of its devices comes from their own rows. */
export class Retained {
  readonly #db: Db
  readonly #log: Logger
  readonly #entries = new Map<string, Entry>()
  #kept = 0
  #bytes = 0
  refused = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
  }

  async load(): Promise<void> {
    const rows = await this.#db.selectFrom('mqtt_retained').selectAll().execute()
    for (const { topic, payload, qos } of rows) {
      const packet = { cmd: 'publish', topic, payload: bytesOf(payload), qos, retain: true, dup: false } as Message
      this.#set(topic, { packet, kept: true })
    }
  }

  /**
   * Retains a message, or removes the one on its topic when it is empty [MQTT-3.3.1-10].
   * @returns what settles with the commit; null when there is nothing to commit
   */
  store(message: Message): Promise<void> | null {
    const { topic, payload } = message
    const before = this.#entries.get(topic)
    if (payload.length === 0) return this.#remove(topic, before)
    const entry = { packet: { ...message }, kept: !isRestoredTopic(topic) }
    if (!entry.kept) {
      this.#set(topic, entry)
      return null
    }
    if (!this.#hasRoom(payload.length, before)) {
      this.refused++
      this.#log.warn({ topic, kept: this.#kept, bytes: this.#bytes }, 'too much is retained: a message is not')
      return null
    }
    this.#set(topic, entry)
    const row = { topic, payload: ownBytes(payload) as Buffer, qos: message.qos }
    return this.#written(this.#db.replaceInto('mqtt_retained').values(row).execute(), topic, before)
  }

  /** Every retained message that one of these filters matches. */
  *match(filters: readonly string[]): Generator<Message> {
    for (const filter of filters) {
      const [prefix = ''] = filter.split(/[+#]/, 1)
      if (prefix === filter) {
        const entry = this.#entries.get(filter)
        if (entry) yield entry.packet
        continue
      }
      // `a/#` is also `a`
      const start = prefix.replace(/\/$/, '')
      for (const [topic, { packet }] of this.#entries)
        if (topic.startsWith(start) && matches(filter, topic)) yield packet
    }
  }

  /** The topics below a prefix that something is retained on. */
  below(prefix: string): string[] {
    return [...this.#entries.keys()].filter(topic => topic.startsWith(prefix))
  }

  #hasRoom(size: number, before: Entry | undefined): boolean {
    const [count, bytes] = before?.kept ? [1, before.packet.payload.length] : [0, 0]
    return this.#kept - count < maxKept && this.#bytes - bytes + size <= maxKeptBytes
  }

  #remove(topic: string, before: Entry | undefined): Promise<void> | null {
    this.#set(topic, undefined)
    if (!before?.kept) return null
    return this.#written(this.#db.deleteFrom('mqtt_retained').where('topic', '=', topic).execute(), topic, before)
  }

  #set(topic: string, entry: Entry | undefined): void {
    const before = this.#entries.get(topic)
    for (const [one, sign] of [[before, -1] as const, [entry, 1] as const]) {
      if (!one?.kept) continue
      this.#kept += sign
      this.#bytes += sign * one.packet.payload.length
    }
    if (entry) this.#entries.set(topic, entry)
    else this.#entries.delete(topic)
  }

  /** What could not be written is not so in memory either, unless something newer is there by then. */
  async #written(writing: Promise<unknown>, topic: string, before: Entry | undefined): Promise<void> {
    const mine = this.#entries.get(topic)
    try {
      await writing
    } catch (error) {
      if (this.#entries.get(topic) === mine) this.#set(topic, before)
      throw error
    }
  }
}
