import type { Duplex } from 'node:stream'
import { Aedes, type AedesOptions } from 'aedes'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import { HubError } from '../src/errors.js'
import type { DeviceConnection, Reason } from '../src/inbound.js'
import type { PersonPrincipal } from '../src/principal.js'
import { matches } from '../src/topics.js'
import { Acks } from './acks.js'
import { authenticate } from './authenticate.js'
import { mayHear } from './authorize.js'
import { closeAll } from './close.js'
import { Connection, type Match, type Peer } from './connection.js'
import type { Broker, BrokerHandlers, BrokerOptions, PublishOptions } from './contract.js'
import { authorizeForward, neverWaitForDrain, withReceipt, yieldToHigherQos } from './deliver.js'
import {
  type AedesClient,
  type AedesInside,
  clientOf,
  connectionOf,
  type Hooks,
  insideOf,
  type Message,
  optionsOf,
  takeListener,
} from './internals.js'
import { FailedLogins } from './limits.js'
import { Outgoing } from './outgoing.js'
import { GuardedPersistence } from './persistence.js'
import { publisher } from './publish.js'
import { takeOverReading } from './reader.js'
import { authorizePublish } from './receive.js'
import { refuse } from './refuse.js'
import { Registry } from './registry.js'
import type { Sessions } from './sessions.js'
import { newStats, type Stats } from './stats.js'
import { sweep } from './sweep.js'
import { RateLimit } from './throttle.js'
import { onPacket, passNext, readQueue } from './wire.js'

const sweepInterval = 250

/** Aedes with our hooks, guards and registry. Resolves when connections may be handed to it. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const core = new Core(options)
  await core.aedes.listen()
  core.start()
  return core
}

/** What the parts of the broker share. */
export class Core implements Broker {
  readonly config: Config
  readonly log: Logger
  readonly handlers: BrokerHandlers
  readonly counters = newStats()
  readonly registry: Registry
  readonly sessions: Sessions
  readonly persistence: GuardedPersistence
  readonly outgoing: Outgoing
  readonly aedes: Aedes
  readonly inside: AedesInside
  readonly failedLogins = new FailedLogins()
  readonly acks = new Acks()
  readonly rateLimit: RateLimit
  closing = false
  /** The steady clock that deadlines are kept on, in milliseconds, as of the last sweep. */
  now = performance.now()
  #timer: NodeJS.Timeout | null = null

  constructor({ config, log, handlers, sessions, first_session = 1 }: BrokerOptions) {
    this.config = config
    this.log = log
    this.handlers = handlers
    this.registry = new Registry(handlers, log, this.counters, first_session)
    this.rateLimit = new RateLimit(config.limit_device_messages)
    this.sessions = sessions
    this.persistence = new GuardedPersistence(sessions, log)
    this.aedes = new Aedes(this.#aedesOptions())
    this.inside = insideOf(this.aedes)
    this.outgoing = new Outgoing(sessions, this)
    this.inside.publish = publisher(this)
  }

  /** For the sweep. */
  get all(): Iterable<Connection> {
    return this.registry.all
  }

  keep(message: Message): Promise<void> | null {
    return this.persistence.keep(message)
  }

  #aedesOptions(): AedesOptions {
    const hooks: Hooks = {
      preConnect: (client, packet, callback) => authenticate(this, client, packet, callback),
      authenticate: (_client, _username, _password, callback) => callback(null, true),
      authorizePublish: (client, packet, callback) => authorizePublish(this, client, packet, callback),
      authorizeSubscribe: ({ req }, sub, callback) => callback(null, mayHear(req, sub.topic) ? sub : null),
      authorizeForward: (client, packet) => authorizeForward(this, client, packet),
    }
    return {
      // Deliveries never wait for a slow socket, so nothing is gained by letting only so many messages be under way.
      concurrency: 0,
      connectTimeout: 5000,
      queueLimit: 1000,
      maxClientsIdLength: 1024,
      maxTopicLevels: 32,
      persistence: this.persistence,
      ...optionsOf(hooks),
    }
  }

  start(): void {
    const { aedes } = this
    const on = (event: string, listener: (client: AedesClient, error: Error) => void) =>
      aedes.on(event as 'clientError', listener as never)
    on('clientDisconnect', client => this.#left(client))
    on('keepaliveTimeout', client => {
      client.req.reason ??= 'keepalive'
    })
    on('clientError', (client, error) => blame(client.req, error))
    on('connectionError', (client, error) => blame(client.req, error))
    on('clientReady', client => this.#enterLive(client))
    aedes.on('connackSent', (connack, client) => {
      const conn = connectionOf(client)
      if (connack.returnCode === 0 && conn.reason === null) this.registry.announce(conn)
    })
    aedes.on('subscribe', (_subs, client) => {
      this.persistence.subscriber = connectionOf(client)
      this.#answered(connectionOf(client))
    })
    aedes.on('unsubscribe', (_filters, client) => this.#answered(connectionOf(client)))
    aedes.on('error' as 'closed', ((error: Error) => this.log.error({ err: error }, 'the broker failed')) as never)
    this.#timer = setInterval(() => sweep(this), sweepInterval)
    this.#timer.unref()
  }

  handle(stream: Duplex, peer: Peer): void {
    const conn = new Connection(stream, peer, this.now)
    if (this.closing) {
      conn.settle()
      conn.end('shutdown')
      return
    }
    this.registry.all.add(conn)
    stream.on('close', () => this.#streamClosed(conn))
    const client = clientOf(this.aedes, stream, conn)
    conn.client = client
    client.duplicates = noDuplicates(this.inside.id)
    client.waitForDrain = neverWaitForDrain
    yieldToHigherQos(client)
    const stock = takeListener(client._parser)
    conn.pass = packet => stock.call(client._parser, packet)
    client._parser.on('packet', onPacket(this))
    takeOverReading(conn, client, this)
  }

  #left(client: AedesClient): void {
    const { id, clean, req } = client
    if (id !== null && !clean) this.#behind(this.sessions.left(id, Date.now(), req.principal))
    this.registry.finish(req)
  }

  isAt(device_id: string, home: string): void {
    this.#behind(this.sessions.remount(device_id, home))
  }

  #behind(writing: Promise<void>): void {
    writing.catch(err => this.log.error({ err }, 'the sessions could not be written'))
  }

  #streamClosed(conn: Connection): void {
    const { client } = conn
    client?.close()
    const registered = client?.id && this.inside.clients[client.id] === client
    if (!registered) this.registry.finish(conn)
  }

  #enterLive(client: AedesClient): void {
    const conn = client.req
    if (conn.reason !== null) return
    conn.enter('live', this.now)
    const restored = Object.keys(client.subscriptions)
    if (restored.length > 0) conn.filters = new Set(restored)
    if (!client.clean) void this.outgoing.catchUp(conn, client)
    this.checkReady(conn)
    readQueue(this, conn, client)
  }

  /** A SUBSCRIBE or an UNSUBSCRIBE. */
  #answered(conn: Connection): void {
    this.checkReady(conn)
    passNext(conn)
  }

  /** Tells the hub when a device begins to hear its commands. */
  checkReady(conn: Connection): void {
    const { client } = conn
    if (!client || conn.mount === '') return
    const filters = Object.keys(client.subscriptions)
    const hears = (topic: string) => filters.some(filter => matches(filter, conn.mount + topic))
    this.registry.setReady(conn, hears('commands'), hears('commands/cancel'))
  }

  async publish(topic: string, payload: string | Buffer, options: PublishOptions = {}): Promise<void> {
    const { qos = 0, retain = false, receipt } = options
    const message: Message = {
      cmd: 'publish',
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
      qos,
      retain,
      dup: false,
      ...(receipt === undefined ? {} : withReceipt(receipt)),
    }
    if (this.inside.closed) throw new HubError('shutting_down', 'The broker is closed.')
    await new Promise<void>((resolve, reject) => {
      this.inside.publish(message, null, error => (error ? reject(error) : resolve()))
    })
  }

  disconnect(match: Match, reason: Reason): number {
    const { device_id, user_id, token_id } = match
    const count = this.registry.disconnect(match, reason)
    if (reason !== 'revoked') return count
    for (const owner of [{ device_id }, { user_id }, { token_id }]) this.#behind(this.sessions.reconcile(owner))
    return count
  }

  retainedBelow(prefix: string): string[] {
    return this.sessions.retained.below(prefix)
  }

  trimSessions(now: number): Promise<void> {
    return this.sessions.trim(now)
  }

  async move(device_id: string, from_home: string, to_home: string): Promise<void> {
    this.registry.disconnect({ device_id }, 'moved')
    await this.registry.gone({ device_id }, from_home)
    await this.sessions.remount(device_id, `homes/${to_home}/`)
  }

  setRights(user_id: string, rights: Pick<PersonPrincipal, 'role' | 'homes'>): void {
    this.registry.setRights(user_id, rights)
    this.#behind(this.sessions.setRights(user_id, rights))
  }

  isReadyForCommands(device_id: string): boolean {
    return this.registry.devices.get(device_id)?.ready ?? false
  }

  connections(): DeviceConnection[] {
    return [...this.registry.devices.values()].flatMap(({ info }) => info ?? [])
  }

  stats(): Stats {
    const { counters, registry } = this
    counters.connections = registry.all.size
    counters.devices = registry.devices.size
    counters.sessions = this.sessions.size
    counters.dropped_queue_full = this.sessions.queues.dropped
    counters.retained_refused = this.sessions.retained.refused
    counters.pending = [...registry.all].filter(conn => !conn.settled).length
    return structuredClone(counters)
  }

  refused(conn: Connection, error: unknown): void {
    refuse(this, conn, error)
  }

  async close(): Promise<void> {
    if (this.closing) return
    this.closing = true
    await closeAll(this)
    if (this.#timer) clearInterval(this.#timer)
    this.rateLimit.stop()
    await new Promise<void>(resolve => this.aedes.close(resolve))
  }
}

/** Faults that have no system error code are the client's: bytes that are no MQTT, or packets out of turn. */
function blame(conn: Connection, error: Error & { code?: unknown }): void {
  if (error instanceof HubError) conn.reason ??= 'storage'
  else if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') conn.reason ??= 'too_large'
  else if (typeof error.code === 'string' && !error.code.startsWith('WS_ERR')) conn.reason ??= 'network'
  else conn.reason ??= error.message === 'connection closed' ? 'network' : 'protocol'
}

let shared: object | null = null
let sharedId = ''
/** Aedes' own record of what it has delivered, made to hold nothing: `authorizeForward` keeps an exact one. */
function noDuplicates(id: string): object {
  if (shared === null || sharedId !== id) {
    shared = Object.create(null, { [id]: { get: () => 0, set: () => undefined } }) as object
    sharedId = id
  }
  return shared
}
