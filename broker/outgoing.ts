import { generate } from 'mqtt-packet'
import type { Logger } from 'pino'
import { matches, wishTopic } from '../src/topics.js'
import { mayReceive } from './authorize.js'
import type { Connection } from './connection.js'
import { maxUnread } from './deliver.js'
import { type AedesClient, type AedesInside, isRelease, type Message, takePacketId } from './internals.js'
import { room } from './room.js'
import type { Session } from './session.js'
import type { Sessions } from './sessions.js'
import type { Stats } from './stats.js'

interface OutgoingHost {
  readonly counters: Stats
  readonly inside: AedesInside
  readonly log: Logger
}

/**
 * Sends what sessions keep to those of their clients that are here, past Aedes: a message is in its queue before it is sent, and leaves it
 * when it is acknowledged. Who comes back gets what has waited first; what is published meanwhile waits behind it.
 */
export class Outgoing {
  readonly #sessions: Sessions
  readonly #host: OutgoingHost

  constructor(sessions: Sessions, host: OutgoingHost) {
    this.#sessions = sessions
    this.#host = host
  }

  /** Sends a message that is being published to those who keep it and are here. */
  deliver(message: Message): void {
    const seq = message.brokerCounter ?? 0
    for (const [session, qos] of this.#sessions.queues.keepersOf(message) ?? []) {
      const client = this.#host.inside.clients[session.id]
      if (!client || client.clean) continue
      const conn = client.req
      const early = conn.early?.delete(seq)
      if (!conn.caughtUp) conn.overtaken = true
      else if (!early) this.#send(conn, client, session, { ...message, qos: qos as 1 | 2 })
    }
  }

  /** Everybody who is here has the message. */
  published(message: Message): void {
    this.#sessions.queues.published(message)
  }

  /** Sends a client that has come back what has waited for it, as fast as it reads. A device is told what is wished of it by now. */
  async catchUp(conn: Connection, client: AedesClient): Promise<void> {
    try {
      this.#sendWish(conn, client)
      const session = this.#sessions.find(client)
      if (session) await this.#catchUp(conn, client, session)
      else conn.caughtUp = true
    } catch (error) {
      this.#host.log.error({ err: error, client: conn.id }, 'what waits for a client could not be read')
      conn.end('storage')
    }
  }

  /** It is kept in no queue, where it would grow old, but retained; and what is retained is sent to new subscriptions only [MQTT-3.3.1-6]. */
  #sendWish(conn: Connection, client: AedesClient): void {
    if (conn.mount === '') return
    const topic = wishTopic(conn.mount)
    const isHeard = Object.keys(client.subscriptions).some(filter => matches(filter, topic))
    if (isHeard)
      for (const wish of this.#sessions.retained.match([topic])) client.deliverQoS({ ...wish }, () => undefined)
  }

  async #catchUp(conn: Connection, client: AedesClient, session: Session): Promise<void> {
    for (const message of conn.unacknowledged.splice(0)) await this.#repeat(conn, session, message)
    for (;;) {
      conn.overtaken = false
      const messages = await this.#sessions.queues.unsent(session)
      // The session may be another connection's by now
      if (!isHere(conn)) return
      if (messages.length === 0 && !conn.overtaken) {
        conn.caughtUp = true
        return
      }
      await this.#sendPage(conn, client, session, messages)
    }
  }

  /** [MQTT-4.4.0-1] */
  async #repeat(conn: Connection, session: Session, message: Message): Promise<void> {
    await room(conn)
    if (!isHere(conn)) return
    if (isRelease(message)) this.#write(conn, message)
    else if (this.#isHeard(conn, session, message)) this.#write(conn, { ...message, dup: true })
  }

  async #sendPage(conn: Connection, client: AedesClient, session: Session, page: readonly Message[]): Promise<void> {
    const { queues } = this.#sessions
    const messages = page.filter(message => this.#isHeard(conn, session, message))
    for (const message of messages) message.messageId = takePacketId(client)
    // What is read next is what was not sent yet, so it must be known what was
    await Promise.all(messages.map(message => queues.update(session, message)))
    for (const message of messages) {
      await room(conn)
      if (!isHere(conn)) return
      // It may be published only now, and is then not to be sent again
      if (queues.keepersOf(message)) {
        conn.early ??= new Set()
        conn.early.add(message.brokerCounter ?? 0)
      }
      this.#write(conn, message)
    }
  }

  #send(conn: Connection, client: AedesClient, session: Session, message: Message): void {
    if (!isHere(conn) || !this.#isHeard(conn, session, message)) return
    if (conn.unwritten() > maxUnread) {
      conn.end('slow')
      return
    }
    message.messageId = takePacketId(client)
    const noted = this.#sessions.queues.update(session, message)
    // Only at QoS 2 must the packet identifier outlive a crash
    if (message.qos === 1) {
      this.#write(conn, message)
      this.#behind(noted)
    } else this.#behind(noted.then(() => this.#write(conn, message)))
  }

  /** What its owner may no longer hear leaves the queue unsent. */
  #isHeard(conn: Connection, session: Session, message: Message): boolean {
    if (mayReceive(conn, message.topic)) return true
    this.#behind(this.#sessions.queues.remove(session, message))
    return false
  }

  /** The connection does not wait for this, nor end with it: at the worst a message is sent again later. */
  #behind(writing: Promise<unknown>): void {
    writing.catch(error => this.#host.log.error({ err: error }, 'what became of a kept message could not be written'))
  }

  #write(conn: Connection, message: Message): void {
    if (!isHere(conn)) return
    const { home } = conn
    const topic = isRelease(message) ? '' : message.topic.slice(home.length)
    if (!isRelease(message)) this.#host.counters.messages_out++
    conn.stream.write(generate({ ...message, topic, retain: false }))
  }
}

const isHere = ({ reason, stream }: Connection) => reason === null && stream.writable
