import { Readable } from 'node:stream'
import type { Subscription } from 'aedes'
import type { Logger } from 'pino'
import type { Principal } from '../src/principal.js'
import type { Db } from '../src/store/store.js'
import { FilterIndex } from './filters.js'
import type { Message } from './internals.js'
import { narrow, type Rights } from './narrow.js'
import { Queues } from './queues.js'
import { Retained } from './retained.js'
import { mostOf, newSession, type Owner, ownerOf, type Session, type SessionClient, written } from './session.js'
import {
  bytesOf,
  deleteIncoming,
  deleteSessions,
  deleteSubscriptions,
  findIncoming,
  insertBoth,
  insertIncoming,
  insertSubscriptions,
  ownBytes,
  readSessions,
  recordSeenSessions,
  remaining,
} from './session-rows.js'

/** How long a session waits for its client. */
const keptMs = 7 * 86_400_000

/**
 * Sessions that outlive their connections, as an aedes-persistence over the store without the wills, which live as long as their sockets. Who is
 * subscribed to what is in memory as well, so that finding out who keeps a message costs no query; what waits is in rows alone. Every promise
 * settles with the commit.
 */
export class Sessions {
  readonly retained: Retained
  readonly queues: Queues
  readonly #db: Db
  readonly #log: Logger
  readonly #all = new Map<string, Session>()
  readonly #index = new FilterIndex<Session, Subscription>()
  #last = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
    this.retained = new Retained(db, log)
    this.queues = new Queues(db, log, topic => this.#index.match(topic))
  }

  get size(): number {
    return this.#all.size
  }

  /** Reads what the last run has kept. Messages are counted on from the last one that waits, so that their order stays. */
  async setup(broker: { readonly id: string; counter: number }): Promise<void> {
    const [{ sessions, subscriptions, incoming, queues }] = await Promise.all([
      readSessions(this.#db),
      this.retained.load(),
    ])
    const byNum = new Map<number, Session>()
    for (const { num, client_id: id, kind, device_id, user_id, token_id, seen_at, home_id } of sessions) {
      const { waiting = 0, bytes = 0, last = 0 } = queues.get(num) ?? {}
      const owner = { kind, device_id, user_id, token_id }
      const home = home_id === null ? '' : `homes/${home_id}/`
      const session = { ...newSession({ num, id, owner, home }), waiting, bytes, away_since: seen_at }
      this.#all.set(id, session)
      byNum.set(num, session)
      this.#last = Math.max(this.#last, num)
      broker.counter = Math.max(broker.counter, last)
    }
    for (const { session_num, message_id } of incoming)
      byNum.get(session_num)?.incoming.set(message_id, Promise.resolve())
    for (const { session_num, filter, qos } of subscriptions) {
      const session = byNum.get(session_num)
      if (session) this.#subscribe(session, { topic: session.home + filter, qos: qos as 0 | 1 | 2 })
    }
    this.queues.open(broker)
  }

  async storeRetained(packet: Message): Promise<void> {
    await this.retained.store(packet)
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.retained.match(filters))
  }

  async addSubscriptions(client: SessionClient, subs: Subscription[]): Promise<void> {
    const session = this.#open(client)
    const rows = subs.map(({ topic, qos }) => ({ filter: topic.slice(session.home.length), qos }))
    await written(session, insertSubscriptions(this.#db, session.num, rows))
    if (this.#all.get(session.id) === session) for (const sub of subs) this.#subscribe(session, sub)
  }

  async removeSubscriptions(client: SessionClient, filters: string[]): Promise<void> {
    const session = this.find(client)
    if (!session) return
    const stored = filters.map(filter => filter.slice(session.home.length))
    await written(session, deleteSubscriptions(this.#db, session.num, stored))
    for (const filter of filters) {
      this.#index.delete(filter, session)
      session.subs.delete(filter)
    }
  }

  async subscriptionsByClient(client: SessionClient): Promise<Subscription[]> {
    return [...(this.find(client)?.subs.values() ?? [])]
  }

  async subscriptionsByTopic(topic: string): Promise<{ clientId: string; topic: string }[]> {
    return this.#index.match(topic).map(([{ id: clientId }, sub]) => ({ clientId, ...sub }))
  }

  /** Ends a session with everything it holds. */
  async cleanSubscriptions(client: SessionClient): Promise<void> {
    const session = this.find(client)
    if (session) await this.#end([session])
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const clientsCount = [...this.#all.values()].filter(({ subs }) => subs.size > 0).length
    return { subsCount: this.#index.size, clientsCount }
  }

  outgoingEnqueue(sub: { clientId: string }, packet: Message): Promise<void> {
    return this.outgoingEnqueueCombi([sub], packet)
  }

  async outgoingEnqueueCombi(subs: { clientId: string; qos?: number }[], packet: Message): Promise<void> {
    const keepers = new Map(subs.map(({ clientId: id, qos = 1 }) => [this.#open({ id }), qos]))
    await this.queues.add(keepers, packet)
  }

  async outgoingUpdate(client: SessionClient, packet: Message): Promise<void> {
    const session = this.find(client)
    if (session) await this.queues.update(session, packet)
  }

  async outgoingClearMessageId(client: SessionClient, packet: Message): Promise<Message | undefined> {
    const session = this.find(client)
    return session && this.queues.clear(session, packet)
  }

  outgoingStream(client: SessionClient): Readable {
    const session = this.find(client)
    return Readable.from(session ? this.queues.all(session) : [])
  }

  /** @param queued whether those who want the packet are to have it in their queues by the same commit */
  async incomingStorePacket(client: SessionClient, packet: Message, queued = false): Promise<void> {
    const session = this.#open(client)
    const { messageId: message_id = 0, topic } = packet
    const row = { session_num: session.num, message_id, topic, payload: ownBytes(packet.payload) as Buffer }
    // A transaction may overtake the row of a session that has just begun
    await Promise.allSettled([session.written])
    const both = (insert: (db: Db) => Promise<unknown>) => insertBoth(this.#db, row, insert)
    await ((queued && this.queues.keep(packet, both)) || insertIncoming(this.#db, row))
  }

  async incomingGetPacket(client: SessionClient, { messageId = 0 }: Message): Promise<Message> {
    const num = this.find(client)?.num ?? 0
    const [row] = await findIncoming(this.#db, { num, message_id: messageId })
    if (!row) throw new Error('no such packet')
    const { topic, payload } = row
    return { cmd: 'publish', topic, payload: bytesOf(payload), qos: 2, dup: false, retain: false, messageId }
  }

  async incomingDelPacket(client: SessionClient, { messageId = 0 }: Message): Promise<void> {
    const num = this.find(client)?.num ?? 0
    await deleteIncoming(this.#db, { num, message_id: messageId })
  }

  async cleanIncoming(client: SessionClient): Promise<void> {
    const session = this.find(client)
    if (session) await this.#db.deleteFrom('mqtt_incoming').where('session_num', '=', session.num).execute()
  }

  find({ id }: SessionClient): Session | undefined {
    return id === null ? undefined : this.#all.get(id)
  }

  /** A client has come back, and finds nothing that was not for them meanwhile. @returns what it has not acknowledged */
  async restore(session: Session): Promise<Message[]> {
    session.away_since = null
    if (session.narrowing !== null) await Promise.allSettled([session.narrowing])
    return this.queues.unacknowledged(session)
  }

  /** The QoS 2 messages of a client that it has not released, whichever of its connections they came on. */
  incomingOf(client: SessionClient): Session['incoming'] {
    return this.#open(client).incoming
  }

  /** A client has gone. Its session waits for it. */
  async left(id: string, now: number, principal: Principal | null): Promise<void> {
    const session = this.#all.get(id)
    if (!session) return
    session.away_since = now
    await written(session, recordSeenSessions(this.#db, [session.num], now))
    if (principal?.kind === 'person') await this.#narrow(session, principal)
  }

  /** What somebody may hear has changed: told to their sessions that are away; the others are looked at when they are left. */
  async setRights(user_id: string, rights: Rights): Promise<void> {
    const away = [...this.#all.values()].filter(one => one.owner.user_id === user_id && one.away_since !== null)
    await Promise.all(away.map(session => this.#narrow(session, rights)))
  }

  #narrow(session: Session, rights: Rights): Promise<void> {
    session.narrowing = Promise.allSettled([session.narrowing]).then(() => narrow(this, session, rights))
    return session.narrowing
  }

  /** A device lives at this place now: its subscriptions are those of this place, and what waited for it at another one is gone. */
  async remount(id: string, home: string): Promise<void> {
    const session = this.#all.get(id)
    if (!session || session.home === home) return
    const subs = [...session.subs.values()].map(sub => ({ ...sub, topic: home + sub.topic.slice(session.home.length) }))
    this.#unsubscribe(session)
    session.home = home
    for (const sub of subs) this.#subscribe(session, sub)
    await this.queues.drop(session)
  }

  /** Forgets those of an owner's sessions that are gone from the store: with the owner, or because the owner was switched off. */
  async reconcile(of: { readonly [Name in keyof Owner]?: Owner[Name] | undefined }): Promise<void> {
    const names = Object.entries(of).filter(([, value]) => value !== undefined) as [keyof Owner, string][]
    if (names.length === 0) return
    const mine = [...this.#all.values()].filter(({ owner }) => names.every(([name, value]) => owner[name] === value))
    if (mine.length === 0) return
    // One that is only just being written is not gone
    await Promise.allSettled(mine.map(session => session.written))
    const nums = mine.map(({ num }) => num)
    const there = await remaining(this.#db, nums)
    for (const session of mine) if (!there.has(session.num)) this.#forget(session)
  }

  /** Ends the sessions whose clients have been away too long. @param now milliseconds since 1970 */
  async trim(now: number): Promise<void> {
    const all = [...this.#all.values()]
    const present = all.filter(({ away_since }) => away_since === null).map(({ num }) => num)
    await recordSeenSessions(this.#db, present, now)
    await this.#end(all.filter(({ away_since }) => away_since !== null && away_since < now - keptMs))
  }

  /** The session of a client, made when there is none. */
  #open(client: SessionClient): Session {
    const known = this.#all.get(client.id ?? '')
    if (known) return known
    const [num, id, seen_at] = [++this.#last, client.id ?? '', Date.now()]
    const owner = ownerOf(client.req?.principal ?? null)
    const session = newSession({ num, id, owner, home: client.req?.home ?? '' })
    this.#makeRoomFor(session)
    this.#all.set(id, session)
    const row = { num, client_id: id, seen_at, ...owner }
    written(session, this.#db.replaceInto('mqtt_sessions').values(row).execute()).catch(error => {
      this.#log.error({ err: error, client: id }, 'a session could not be begun')
      this.#forget(session)
    })
    return session
  }

  /** Nobody has more sessions than their due: beyond it the one that has been away longest ends, or the oldest when all are here. */
  #makeRoomFor({ owner }: Session): void {
    const most = mostOf(owner)
    if (most === null) return
    const theirs = [...this.#all.values()].filter(one => one.owner[most.name] === owner[most.name])
    if (theirs.length < most.count) return
    const since = ({ away_since }: Session) => away_since ?? Number.POSITIVE_INFINITY
    const [longest] = theirs.sort((a, b) => since(a) - since(b) || a.num - b.num)
    if (!longest) return
    this.#log.warn({ client: longest.id, most: most.count }, 'a session ends to make room for another of its owner')
    this.#end([longest]).catch(err => this.#log.error({ err }, 'a session could not be ended'))
  }

  async #end(sessions: readonly Session[]): Promise<void> {
    for (const session of sessions) this.#forget(session)
    if (sessions.length === 0) return
    const nums = sessions.map(({ num }) => num)
    await deleteSessions(this.#db, nums)
  }

  #forget(session: Session): void {
    this.#unsubscribe(session)
    if (this.#all.get(session.id) === session) this.#all.delete(session.id)
  }

  #subscribe(session: Session, sub: Subscription): void {
    session.subs.set(sub.topic, { ...sub })
    // At QoS 0 nothing is kept
    if (sub.qos > 0) this.#index.set(sub.topic, session, sub)
    else this.#index.delete(sub.topic, session)
  }

  #unsubscribe(session: Session): void {
    for (const topic of session.subs.keys()) this.#index.delete(topic, session)
    session.subs.clear()
  }
}
