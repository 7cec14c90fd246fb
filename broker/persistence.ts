import { Readable } from 'node:stream'
import type { Subscription } from 'aedes'
import type { Logger } from 'pino'
import { HubError } from '../src/errors.js'
import { mayHear, mayReceive } from './authorize.js'
import type { Connection } from './connection.js'
import type { AedesClient, Message, Persistence, ReleasePacket } from './internals.js'

const unreadAtOnce = 256 * 1024
const deadline = 10_000
/** What a persistence says of a packet that it does not have. */
const notKept = 'no such packet'

/**
 * A persistence as Aedes needs it: stock Aedes lets a rejection end the process in several places, stores filters that it has
 * refused, and publishes stored wills without a client.
 */
export class GuardedPersistence {
  readonly #inner: Persistence
  readonly #log: Logger
  /** Calls under way, oldest first, with their time on the sweep's clock. */
  readonly #calls = new Set<{ readonly since: number; readonly fail: (error: Error) => void }>()
  now = performance.now()
  readonly #added = new WeakMap<Subscription[], Promise<void>>()
  /** Kept messages that Aedes has taken from a queue and not written yet. */
  readonly #taken = new WeakMap<AedesClient, Set<string>>()
  /** Whether a session may be away with messages to keep for it. Once true it stays so. */
  keepsSessions = false
  /** Who has subscribed just now: Aedes asks for the retained messages next, in the same turn. */
  subscriber: Connection | null = null

  constructor(inner: Persistence, log: Logger) {
    this.#inner = inner
    this.#log = log
  }

  /** A persistence that does not answer counts as one that failed. */
  #bounded<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = { since: this.now, fail: reject }
      this.#calls.add(call)
      answer.then(resolve, reject).finally(() => this.#calls.delete(call))
    })
  }

  /** Fails the calls that have waited too long. */
  sweep(now: number): void {
    this.now = now
    for (const call of this.#calls) {
      if (now - call.since <= deadline) break
      this.#calls.delete(call)
      call.fail(new HubError('storage_unavailable', 'The sessions did not answer in time.'))
    }
  }

  async setup(broker: unknown): Promise<void> {
    await this.#inner.setup(broker)
    this.keepsSessions = (await this.#inner.countOffline()).clientsCount > 0
  }

  storeRetained(packet: Message) {
    return this.#bounded(this.#inner.storeRetained(packet))
  }

  /** Paced by the reader: a subscriber that reads gets every retained message, however many there are. */
  createRetainedStreamCombi(filters: string[]): Readable {
    const conn = this.subscriber
    this.subscriber = null
    return Readable.from(this.#retained(conn, filters))
  }

  /** One filter after the other: each is looked for among all retained messages. */
  async *#retained(conn: Connection | null, filters: string[]): AsyncGenerator<Message> {
    for (const filter of filters) {
      yield* this.#paced(conn, () => this.#inner.createRetainedStreamCombi([filter]))
      await nextTurn()
    }
  }

  async *#paced(conn: Connection | null, open: () => Readable): AsyncGenerator<Message> {
    try {
      for await (const packet of open()) {
        if (conn) await room(conn)
        if (conn?.stream.destroyed) return
        yield packet
      }
    } catch (error) {
      this.#log.error({ err: error }, 'messages for a subscriber could not be read')
      conn?.end('storage')
    }
  }

  /** Aedes asks once for each granted filter, each time with all filters of the packet, refused ones included. */
  addSubscriptions(client: AedesClient, subs: Subscription[]): Promise<void> {
    let added = this.#added.get(subs)
    if (!added) {
      const granted = subs.filter(sub => mayHear(client.req, sub.topic))
      this.keepsSessions = true
      added = this.#bounded(this.#inner.addSubscriptions(client, granted))
      this.#added.set(subs, added)
    }
    return added
  }

  /** A device has moved: its kept subscriptions move to its new place, and what was kept for it at the old one goes. */
  async remount(id: string, from: string, to: string): Promise<void> {
    const client = { id } as AedesClient
    const kept = await this.#bounded(this.#inner.subscriptionsByClient({ id }))
    if (kept.length === 0) return
    const moved = kept.map(sub => ({ ...sub, topic: sub.topic.replace(from, to) }))
    await this.#bounded(this.#inner.cleanSubscriptions(client))
    await this.#bounded(this.#inner.addSubscriptions(client, moved))
  }

  removeSubscriptions(client: AedesClient, filters: string[]) {
    return this.#bounded(this.#inner.removeSubscriptions(client, filters))
  }

  subscriptionsByClient(client: { id: string }) {
    return this.#bounded(this.#inner.subscriptionsByClient(client))
  }

  /** Asked when a clean session begins: the kept one ends, with what waits for it [MQTT-3.1.2-6]. */
  async cleanSubscriptions(client: AedesClient): Promise<void> {
    if (!this.keepsSessions) return
    await this.#bounded(this.#inner.cleanSubscriptions(client))
    for await (const packet of this.#inner.outgoingStream(client))
      await this.#bounded(this.#inner.outgoingClearMessageId(client, packet))
  }

  /** A rejection here would end the process. The message is acknowledged already; who is away misses it, and the log says so. */
  async subscriptionsByTopic(topic: string) {
    if (!this.keepsSessions) return []
    try {
      return await this.#bounded(this.#inner.subscriptionsByTopic(topic))
    } catch (error) {
      this.#log.error({ err: error, topic }, 'sessions could not be read')
      return []
    }
  }

  outgoingEnqueue(sub: { clientId: string }, packet: Message) {
    return this.#bounded(this.#inner.outgoingEnqueue(sub, packet))
  }

  async outgoingEnqueueCombi(subs: { clientId: string }[], packet: Message): Promise<void> {
    if (subs.length === 0) return
    // Once for each session, however many of its filters match: the second copy would never be acknowledged (aedes#543)
    const sessions = new Map(subs.map(sub => [sub.clientId, sub]))
    try {
      await this.#bounded(this.#inner.outgoingEnqueueCombi([...sessions.values()], packet))
    } catch (error) {
      this.#log.error({ err: error, topic: packet.topic }, 'a message could not be kept for those who are away')
    }
  }

  /** Called before a kept message is written: Aedes has taken several ahead, so here is where they wait for the reader. */
  async outgoingUpdate(client: AedesClient, packet: Message | ReleasePacket): Promise<void> {
    if (packet.cmd === 'pubrel') return this.#release(client, packet)
    await this.#bounded(this.#inner.outgoingUpdate(client, packet))
    if (this.#taken.get(client)?.delete(nameOf(packet))) await room(client.req)
  }

  /**
   * A PUBREL takes the place of the message it releases. With numbers of its own, or the memory would take each for the one before. A
   * retained message is not kept, and is released all the same.
   */
  async #release(client: AedesClient, { cmd, messageId }: ReleasePacket): Promise<void> {
    const release = { cmd, messageId, brokerId: cmd, brokerCounter: messageId }
    try {
      await this.#bounded(this.#inner.outgoingUpdate(client, release))
    } catch (error) {
      if (!(error instanceof Error && error.message === notKept)) throw error
    }
  }

  /**
   * Clean sessions keep nothing. A packet without an id is one that was not sent to this client: stock Aedes would take the
   * first message off the queue that has no id yet, another one (aedes#543). And what was not sent because the connection is ending,
   * which Aedes would forget, is kept for the next one.
   */
  async outgoingClearMessageId(client: AedesClient, packet: Message): Promise<Message | undefined> {
    if (client.clean || !packet.messageId) return undefined
    const unsent = packet.cmd === 'publish' && client.req.reason !== null
    if (unsent && mayReceive(client.req, packet.topic)) return undefined
    return this.#bounded(this.#inner.outgoingClearMessageId(client, packet))
  }

  outgoingStream(client: AedesClient): Readable {
    if (client.clean) return Readable.from([])
    return Readable.from(this.#kept(client))
  }

  async *#kept(client: AedesClient): AsyncGenerator<Message> {
    const taken = new Set<string>()
    this.#taken.set(client, taken)
    for await (const packet of this.#paced(client.req, () => this.#inner.outgoingStream(client))) {
      taken.add(nameOf(packet))
      // What has an id was sent before, perhaps in vain [MQTT-3.3.1-1]
      yield packet.cmd === 'publish' && packet.messageId ? { ...packet, dup: true } : packet
    }
  }

  incomingStorePacket(client: AedesClient, packet: Message) {
    return this.#bounded(this.#inner.incomingStorePacket(client, packet))
  }

  incomingGetPacket(client: AedesClient, packet: Message) {
    return this.#bounded(this.#inner.incomingGetPacket(client, packet))
  }

  incomingDelPacket(client: AedesClient, packet: Message) {
    return this.#bounded(this.#inner.incomingDelPacket(client, packet))
  }

  async cleanIncoming(client: AedesClient): Promise<void> {
    if (this.#inner.cleanIncoming) await this.#bounded(this.#inner.cleanIncoming(client))
  }

  /** A will lives as long as its socket, in memory: presence is the hub's own business (D6), and a stored will would be published late. */
  async putWill(): Promise<void> {
    return undefined
  }

  /** The last step before Aedes registers a client. One that has closed meanwhile stops here, or it would be registered for ever. */
  delWill(client: AedesClient): Promise<void> {
    return client.closed && client.req?.state !== 'live' ? new Promise(() => undefined) : Promise.resolve()
  }

  async getWill(): Promise<undefined> {
    return undefined
  }

  streamWill(): Readable {
    return Readable.from([])
  }
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** Settles when the peer has taken most of what waits for it, or has gone. */
async function room(conn: Connection): Promise<void> {
  while (conn.unwritten() > unreadAtOnce && !conn.stream.destroyed) await drained(conn)
}

const nameOf = ({ brokerId, brokerCounter }: Message) => `${brokerId} ${brokerCounter}`

/** Settles when the connection's output has been taken, or has ended. */
function drained(conn: Connection): Promise<void> {
  return new Promise(resolve => {
    const { stream } = conn
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      resolve()
    }
    stream.on('drain', settle)
    stream.on('close', settle)
  })
}
