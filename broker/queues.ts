import type { Subscription } from 'aedes'
import { type RawBuilder, sql } from 'kysely'
import type { Logger } from 'pino'
import type { Db } from '../src/store/store.js'
import { isRelease, type Message, releaseOf } from './internals.js'
import { type Session, written } from './session.js'
import {
  bytesOf,
  deleteOutgoing,
  insertOutgoing,
  nameOutgoing,
  type OutgoingRow,
  ownBytes,
  releaseOutgoing,
} from './session-rows.js'

/** What may wait for one session. When it is full the newest is not kept. */
const maxWaiting = 1000
const maxBytes = 1024 * 1024
const pageSize = 100
const warnEveryMs = 60_000

/** Puts the rows of a message in, through a transaction when something else is to be committed with them. */
type Insert = (db: Db) => Promise<unknown>

/** What waits for each session, in rows: sent in the order of `seq`, the broker's own count of messages. */
export class Queues {
  dropped = 0
  readonly #db: Db
  readonly #log: Logger
  readonly #match: (topic: string) => [Session, Subscription][]
  /** Who keeps a message that is not published yet, at which QoS, by its place in the broker's count. */
  readonly #keepers = new Map<number, ReadonlyMap<Session, number>>()
  #broker = { id: '', counter: 0 }

  constructor(db: Db, log: Logger, match: (topic: string) => [Session, Subscription][]) {
    this.#db = db
    this.#log = log
    this.#match = match
  }

  open(broker: { readonly id: string; counter: number }): void {
    this.#broker = broker
  }

  /** The sessions that want a message, with the QoS that each gets it at; null when there are none. */
  wanting({ topic, qos }: Message): ReadonlyMap<Session, number> | null {
    const found = this.#match(topic)
    if (found.length === 0) return null
    const wanting = new Map<Session, number>()
    for (const [session, sub] of found)
      wanting.set(session, Math.min(qos, Math.max(sub.qos, wanting.get(session) ?? 0)))
    return wanting
  }

  /**
   * Puts a message at the end of the queues of those who want it, and gives it its place in the broker's count. It is theirs until
   * `published` is called.
   * @param run runs the insert, and settles with the commit
   * @returns what settles with the commit; null when nobody keeps it
   */
  keep(message: Message, run = (insert: Insert) => insert(this.#db)): Promise<void> | null {
    const wanting = this.wanting(message)
    return wanting && this.add(wanting, message, run, this.#keepers)
  }

  /** The same for given sessions. */
  add(
    wanting: ReadonlyMap<Session, number>,
    message: Message,
    run = (insert: Insert) => insert(this.#db),
    keepers: Map<number, ReadonlyMap<Session, number>> | null = null,
  ): Promise<void> | null {
    const size = message.payload.length
    const kept = new Map([...wanting].filter(([session]) => this.#hasRoom(session, size)))
    if (kept.size === 0) return null
    for (const session of kept.keys()) count(session, 1, size)
    const writing = run(db => {
      // Counted where it is written, so that the order of the rows is that of their commits
      message.brokerCounter ??= ++this.#broker.counter
      keepers?.set(message.brokerCounter, kept)
      const nums = [...kept].map(([{ num }, qos]) => [num, qos] as const)
      const { topic, brokerCounter: seq } = message
      return insertOutgoing(db, { keepers: nums, seq, topic, payload: ownBytes(message.payload) })
    })
    for (const session of kept.keys()) session.written = writing
    return writing.then(
      () => undefined,
      error => {
        for (const session of kept.keys()) count(session, -1, -size)
        keepers?.delete(message.brokerCounter ?? 0)
        throw error
      },
    )
  }

  /** Who keeps a message that is being published. */
  keepersOf({ brokerCounter = 0 }: Message): ReadonlyMap<Session, number> | undefined {
    return this.#keepers.get(brokerCounter)
  }

  /** Everybody who is here has it. */
  published({ brokerCounter = 0 }: Message): void {
    this.#keepers.delete(brokerCounter)
  }

  /** Notes under which packet identifier a message was sent, or that it was received and is now to be released. */
  async update(session: Session, packet: Message): Promise<void> {
    const { num, sent } = session
    const { messageId: message_id = 0, brokerCounter: seq = 0 } = packet
    const released = sent.get(message_id)
    if (isRelease(packet)) {
      if (!released) return
      session.bytes -= released.size
      released.size = 0
      await written(session, releaseOutgoing(this.#db, { num, seq: released.seq }))
      return
    }
    sent.set(message_id, { seq, size: packet.payload.length })
    await written(session, nameOutgoing(this.#db, { num, seq, message_id }))
  }

  /** Takes an acknowledged message out. */
  async clear(session: Session, { messageId = 0 }: Message): Promise<Message | undefined> {
    const acknowledged = session.sent.get(messageId)
    if (!acknowledged) return undefined
    session.sent.delete(messageId)
    return this.#delete(session, acknowledged.seq, acknowledged.size)
  }

  /** Takes a message out that is not to be sent. */
  async remove(session: Session, { messageId, brokerCounter = 0, payload }: Message): Promise<void> {
    if (messageId !== undefined) session.sent.delete(messageId)
    await this.#delete(session, brokerCounter, payload.length)
  }

  /** Everything that waits, oldest first. */
  async *all(session: Session): AsyncGenerator<Message> {
    for (let last = -1; ; ) {
      const rows = await this.#read(session, sql`seq > ${last}`, pageSize)
      for (const row of rows) yield this.#packetOf(row)
      if (rows.length < pageSize) return
      last = rows.at(-1)?.seq ?? last
    }
  }

  /** The oldest that were not sent yet, some at a time. */
  async unsent(session: Session): Promise<Message[]> {
    const rows = await this.#read(session, sql`message_id is null`, pageSize)
    return rows.map(row => this.#packetOf(row))
  }

  /** What was sent on an earlier connection and never acknowledged, oldest first. */
  async unacknowledged(session: Session): Promise<Message[]> {
    const rows = await this.#read(session, sql`message_id is not null`, maxWaiting)
    session.sent.clear()
    for (const { seq, message_id, payload } of rows) session.sent.set(message_id ?? 0, { seq, size: payload.length })
    return rows.map(row => this.#packetOf(row))
  }

  /** Drops everything that waits. */
  async drop(session: Session): Promise<void> {
    session.waiting = 0
    session.bytes = 0
    session.sent.clear()
    await written(session, this.#db.deleteFrom('mqtt_outgoing').where('session_num', '=', session.num).execute())
  }

  async #delete(session: Session, seq: number, size: number): Promise<Message | undefined> {
    count(session, -1, -size)
    const [row] = await written(session, deleteOutgoing(this.#db, { num: session.num, seq }))
    return row && this.#packetOf(row)
  }

  async #read(session: Session, where: RawBuilder<unknown>, most: number): Promise<OutgoingRow[]> {
    await Promise.allSettled([session.written])
    return this.#db
      .selectFrom('mqtt_outgoing')
      .selectAll()
      .where('session_num', '=', session.num)
      .where(sql<boolean>`${where}`)
      .orderBy('seq')
      .limit(most)
      .execute()
  }

  #packetOf({ cmd, seq, topic, payload, qos, message_id }: OutgoingRow): Message {
    const messageId = message_id ?? undefined
    if (cmd === 'pubrel') return releaseOf(message_id ?? 0)
    return {
      cmd,
      brokerId: this.#broker.id,
      brokerCounter: seq,
      topic,
      payload: bytesOf(payload),
      qos,
      retain: false,
      dup: false,
      messageId,
    } as Message
  }

  #hasRoom(session: Session, size: number): boolean {
    if (session.waiting < maxWaiting && session.bytes + size <= maxBytes) return true
    this.dropped++
    const now = Date.now()
    if (now - session.warned_at >= warnEveryMs) {
      session.warned_at = now
      const { id, waiting, bytes } = session
      this.#log.warn({ client: id, waiting, bytes }, 'too much waits for a session: messages are dropped')
    }
    return false
  }
}

function count(session: Session, messages: number, bytes: number): void {
  session.waiting += messages
  session.bytes += bytes
}
