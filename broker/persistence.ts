import { Readable } from 'node:stream'
import type { Subscription } from 'aedes'
import type { Logger } from 'pino'
import { HubError } from '../src/errors.js'
import { mayHear } from './authorize.js'
import type { Connection } from './connection.js'
import { receiptOf } from './deliver.js'
import { type AedesClient, isRelease, type Message, stepOver } from './internals.js'
import { room } from './room.js'
import type { Sessions } from './sessions.js'

const deadline = 10_000
/** For who has a session and no subscriptions: refused like any `$` topic, but Aedes then knows that there is a session [MQTT-3.2.2-2]. */
const noFilters: Subscription[] = [{ topic: '$session', qos: 0 }]

/**
 * The sessions as Aedes needs them: stock Aedes lets a rejection end the process in several places, stores filters that it has
 * refused, and publishes stored wills without a client. What is kept passes it by: it is handed to queues before the acknowledgement, and
 * sent from them.
 */
export class GuardedPersistence {
  readonly #sessions: Sessions
  readonly #log: Logger
  /** Calls under way, oldest first, with their time on the sweep's clock. */
  readonly #calls = new Set<{ readonly since: number; readonly fail: (error: Error) => void }>()
  now = performance.now()
  readonly #added = new WeakMap<Subscription[], Promise<void>>()
  /** Who has subscribed just now: Aedes asks for the retained messages next, in the same turn. */
  subscriber: Connection | null = null

  constructor(sessions: Sessions, log: Logger) {
    this.#sessions = sessions
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

  async setup(broker: { readonly id: string; counter: number }): Promise<void> {
    await this.#sessions.setup(broker)
  }

  /**
   * Hands a message to those who keep it, before it is acknowledged: the queues of sessions, and what is retained. Commands are in no queue:
   * they have rows of their own and are sent again from there.
   * @returns what settles with the commit; null when there is nothing to commit
   */
  keep(message: Message): Promise<void> | null {
    message.kept = true
    const retained = message.retain ? this.#retain(message) : null
    const queued = this.#mayQueue(message) ? this.#sessions.queues.keep(message) : null
    if (retained === null && queued === null) return null
    return this.#bounded(Promise.all([retained, queued]).then(() => undefined))
  }

  #retain(message: Message): Promise<void> | null {
    return isNowhere(message) ? null : this.#sessions.retained.store(message)
  }

  #mayQueue(message: Message): boolean {
    return message.qos > 0 && !isNowhere(message) && receiptOf(message) === undefined
  }

  /** Whether a message comes to this client from its queue, so that it is not to be sent to it as well. */
  isKept(message: Message, client: AedesClient): boolean {
    const session = this.#sessions.find(client)
    return session !== undefined && (this.#sessions.queues.keepersOf(message)?.has(session) ?? false)
  }

  /** Paced by the reader: a subscriber that reads gets every retained message, however many there are. */
  createRetainedStreamCombi(filters: string[]): Readable {
    const conn = this.subscriber
    this.subscriber = null
    return Readable.from(this.#retained(conn, filters))
  }

  /** One filter after the other: each is looked for among all retained messages. What is thrown here would end the process. */
  async *#retained(conn: Connection | null, filters: string[]): AsyncGenerator<Message> {
    try {
      for (const filter of filters) {
        for (const packet of this.#sessions.retained.match([filter])) {
          if (conn) await room(conn)
          if (conn?.stream.destroyed) return
          yield packet
        }
        await nextTurn()
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
      added = this.#bounded(this.#sessions.addSubscriptions(client, granted))
      this.#added.set(subs, added)
    }
    return added
  }

  removeSubscriptions(client: AedesClient, filters: string[]) {
    return this.#bounded(this.#sessions.removeSubscriptions(client, filters))
  }

  async subscriptionsByClient(client: { id: string }): Promise<Subscription[]> {
    const subs = await this.#sessions.subscriptionsByClient(client)
    return subs.length === 0 && this.#sessions.find(client) ? noFilters : subs
  }

  /** A client that wants no session has none, from here on. */
  cleanSubscriptions(client: AedesClient): Promise<void> {
    return this.#bounded(this.#sessions.cleanSubscriptions(client))
  }

  /** Of what Aedes sends only a PUBREL belongs to a kept message. */
  async outgoingUpdate(client: AedesClient, packet: Message): Promise<void> {
    if (isRelease(packet)) await this.#bounded(this.#sessions.outgoingUpdate(client, packet))
  }

  /** An acknowledgement of a kept message. It may be lost in a crash: the message is then sent again. */
  async outgoingClearMessageId(client: AedesClient, packet: Message): Promise<undefined> {
    if (client.clean || !packet.messageId) return
    this.#sessions.outgoingClearMessageId(client, packet).catch(error => {
      this.#log.error({ err: error, client: client.id }, 'an acknowledged message could not be taken out of its queue')
    })
  }

  /** Aedes asks for the queue before it lets a client that has come back speak. It is sent later; here its packet identifiers are restored. */
  outgoingStream(client: AedesClient): Readable {
    return Readable.from(client.clean ? [] : this.#restored(client))
  }

  async *#restored(client: AedesClient): AsyncGenerator<never> {
    const conn = client.req
    const session = this.#sessions.find(client)
    stepOver(client, id => this.#sessions.find(client)?.sent.has(id) ?? false)
    if (!session) return
    try {
      conn.unacknowledged = await this.#bounded(this.#sessions.restore(session))
      for (const id of session.incoming.keys()) client._inboundInflight.add(id)
    } catch (error) {
      this.#log.error({ err: error, client: client.id }, 'a session could not be restored')
      conn.end('storage')
    }
  }

  /**
   * A QoS 2 message is with those who keep it, and its packet identifier with it, before its PUBREC. One that came on an earlier connection, which
   * may still be at it, is not kept again.
   */
  async incomingStorePacket(client: AedesClient, packet: Message): Promise<void> {
    const { messageId = 0 } = packet
    const incoming = this.#incomingOf(client)
    const storing = incoming.get(messageId) ?? this.#bounded(this.#storeIncoming(client, packet))
    incoming.set(messageId, storing)
    await storing.catch(error => {
      incoming.delete(messageId)
      throw error
    })
  }

  async #storeIncoming(client: AedesClient, packet: Message): Promise<void> {
    if (client.clean) {
      await this.keep(packet)
      return
    }
    packet.kept = true
    if (packet.retain) await this.#retain(packet)
    await this.#sessions.incomingStorePacket(client, packet, this.#mayQueue(packet))
  }

  async incomingGetPacket(client: AedesClient, packet: Message): Promise<Message> {
    const storing = this.#incomingOf(client).get(packet.messageId ?? 0)
    if (!storing) throw new Error('no such packet')
    await storing
    return packet
  }

  async incomingDelPacket(client: AedesClient, packet: Message): Promise<void> {
    if (!client.clean) await this.#bounded(this.#sessions.incomingDelPacket(client, packet))
    this.#incomingOf(client).delete(packet.messageId ?? 0)
  }

  #incomingOf(client: AedesClient): Map<number, Promise<void>> {
    if (!client.clean) return this.#sessions.incomingOf(client)
    client.req.incoming ??= new Map()
    return client.req.incoming
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
const isNowhere = ({ topic }: Message) => topic.charCodeAt(0) === 36
