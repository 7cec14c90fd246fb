import { connect, type IClientPublishOptions, type MqttClient } from 'mqtt'
import { HubError } from '../src/errors.js'
import { deviceTopic, type Inbound, type Outbound } from '../src/topics.js'
import type { Random } from './random.js'

export interface LinkOptions {
  readonly url: string
  readonly id: string
  readonly api_key: string | undefined
  readonly random: Random
  /** Connected and subscribed, for the first time or again. */
  readonly opened: () => void
  /** A message on one of the device's own topics. */
  readonly heard: (rest: string, payload: Buffer) => void
}

/** What a device listens to. */
const subscriptions = ['commands', 'commands/cancel', 'desired', 'time', 'errors', 'recordings'] satisfies Outbound[]
/** Back-off doubles from one to the other, with full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS, 2015). */
const backOff = { first_ms: 1000, longest_ms: 20_000 }
/** How long `stop` waits for PUBACKs that are still out. */
const graceMs = 2000

/** A device's connection: made again whenever it ends, until it is stopped. */
export class Link {
  /** Why the connection last failed; null while it holds. */
  lastError: string | null = null
  readonly #options: LinkOptions
  #client: MqttClient | null = null
  #starting: { resolve: () => void; reject: (error: unknown) => void } | null = null
  #stopping: Promise<void> | null = null
  #ready = false
  #failures = 0
  #unacknowledged = 0
  #drained: () => void = () => undefined

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Connected and subscribed. */
  get ready(): boolean {
    return this.#ready
  }

  /** Settles when it is first open; `Device.start` says how it fails. */
  async start(): Promise<void> {
    const { url, id, api_key } = this.#options
    if (this.#client !== null) throw new HubError('conflict', `${id} has been started before.`)
    if (this.#stopping !== null) throw new HubError('shutting_down', `${id} was stopped before it was started.`)
    const client = connect(url, {
      clientId: id,
      clean: true,
      keepalive: 30,
      resubscribe: false,
      reconnectOnConnackError: true,
      reconnectPeriod: this.#backOffMs(),
      ...(api_key === undefined ? {} : { username: id, password: api_key }),
    })
    this.#client = client
    await new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject }
      this.#listen(client)
    })
  }

  /** Waits briefly for the PUBACKs still out, and disconnects. Settles when the connection is closed. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end(this.#client)
    return this.#stopping
  }

  /** Publishes at QoS 1, again and again if need be, until the PUBACK comes, or the device is stopped or goes to sleep. */
  publish(rest: Inbound, payload: string | Buffer, dup: boolean, acknowledged?: () => void): void {
    const client = this.#client
    if (!client) return
    this.#unacknowledged++
    publishUntilTaken(client, deviceTopic(this.#options.id, rest), payload, { qos: 1, dup }, error => {
      this.#unacknowledged--
      if (!error) acknowledged?.()
      if (this.#unacknowledged === 0) this.#drained()
    })
  }

  /** Says what is worth nothing later: at QoS 0, and only while connected. */
  mention(rest: Inbound, payload: string): void {
    if (this.#ready) this.#client?.publish(deviceTopic(this.#options.id, rest), payload, { qos: 0 })
  }

  /** Says goodbye until `resume`, once the PUBACKs still out have come, waiting briefly. Settles when the connection is closed. */
  pause(): Promise<void> {
    return this.#end(this.#client)
  }

  /** Connects again after a `pause`; `opened` is called as after any lost connection. */
  resume(): void {
    if (this.#stopping === null) this.#client?.reconnect()
  }

  /** Cuts the socket, without a DISCONNECT. */
  cut(): void {
    this.#client?.stream.destroy()
  }

  #listen(client: MqttClient): void {
    const prefix = deviceTopic(this.#options.id, '')
    client.on('connect', () => this.#subscribe(client))
    client.on('close', () => {
      this.#ready = false
    })
    client.on('reconnect', () => {
      client.options.reconnectPeriod = this.#backOffMs()
    })
    client.on('error', error => {
      const code = 'code' in error ? error.code : undefined
      this.lastError = error.message || String(code)
      // A CONNACK's return code is a number, a socket's error has a word. 3 is "server unavailable": it will be.
      if (typeof code === 'number' && code !== 3) this.#refused(this.lastError)
    })
    client.on('message', (topic, payload) => {
      if (this.#stopping === null) this.#options.heard(topic.slice(prefix.length), payload)
    })
  }

  #subscribe(client: MqttClient): void {
    this.#failures = 0
    client.options.reconnectPeriod = this.#backOffMs()
    const topics = subscriptions.map(rest => deviceTopic(this.#options.id, rest))
    client.subscribe(topics, { qos: 1 }, (error, granted) => {
      // A connection that has ended meanwhile is made again, and then this too.
      if (this.#stopping !== null || !client.connected) return
      if (error || granted?.some(({ qos }) => qos >= 128)) {
        this.lastError = 'may not subscribe to its own topics'
        this.#refused(this.lastError)
        return
      }
      this.#ready = true
      this.lastError = null
      this.#options.opened()
      this.#starting?.resolve()
      this.#starting = null
    })
  }

  /** Ends a first start that can come to nothing. A later refusal is tried again like any failure, as firmware would. */
  #refused(why: string): void {
    const starting = this.#starting
    if (starting === null) return
    this.#starting = null
    const error = new HubError('unauthorized', `${this.#options.id}: ${why}`)
    this.stop().then(() => starting.reject(error), starting.reject)
  }

  #backOffMs(): number {
    const longest = Math.min(backOff.longest_ms, backOff.first_ms * 2 ** this.#failures++)
    return Math.round(this.#options.random.between(50, longest))
  }

  async #end(client: MqttClient | null): Promise<void> {
    this.#starting?.reject(new HubError('shutting_down', `${this.#options.id} was stopped before it was connected.`))
    this.#starting = null
    if (client === null) return
    if (client.connected && this.#unacknowledged > 0) await this.#acknowledgements(client)
    // Without the force mqtt.js waits for what is unacknowledged, for ever if need be; with it the hub sees no DISCONNECT.
    await client.endAsync(!client.connected || this.#unacknowledged > 0)
    this.#ready = false
  }

  /** Settles when nothing is unacknowledged any more, or no longer can be, or the grace is over. */
  #acknowledgements(client: MqttClient): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, graceMs)
      this.#drained = () => {
        clearTimeout(timer)
        resolve()
      }
      client.once('close', this.#drained)
    })
  }
}

/**
 * While it is away mqtt.js keeps a message, and after a reconnect it sends again by itself; what comes while it does so it gives back when the connection
 * is lost in the midst. That is published again, once mqtt.js has given back all: it would give back at once what is published meanwhile, without end.
 * @param done gets an error when the client was ended before
 */
export function publishUntilTaken(
  client: MqttClient,
  topic: string,
  payload: string | Buffer,
  options: IClientPublishOptions,
  done: (error?: Error) => void,
): void {
  client.publish(topic, payload, options, error => {
    if (error && !client.disconnecting) queueMicrotask(() => publishUntilTaken(client, topic, payload, options, done))
    else done(error ?? undefined)
  })
}
