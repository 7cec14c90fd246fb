import mqtt, { type MqttClient } from 'mqtt'
import { matches } from '../topics.js'

export type LiveStatus = 'connecting' | 'online' | 'offline'

export interface Message {
  readonly topic: string
  /** UTF-8; of a retained topic that was cleared it is empty. */
  readonly payload: string
  readonly retained: boolean
}

export interface Listener {
  /** Told at least once of every message from `resumed` on; twice where a token was renewed at that moment. */
  heard(message: Message): void
  /** From now on nothing is missed, and before it something may have been: what was shown is to be read again. */
  resumed?(): void
}

export interface LiveOptions {
  /** Where the hub's WebSocket is, e.g. `ws://127.0.0.1:8080/mqtt`. */
  readonly url: string
  /**
   * A token that is good, and until when (milliseconds since 1970).
   * @param refused one that the hub has not let in: it has ended before its time
   * @throws when there is none to be had
   */
  readonly credentials: (
    refused: string | null,
  ) => Promise<{ readonly access_token: string; readonly expires_at: number }>
  readonly changed?: (status: LiveStatus) => void
  /** How long before its end a token is renewed, in milliseconds. */
  readonly renew_before_ms?: number
  /** The first pause before connecting anew, in milliseconds; each further one is twice as long, up to a quarter of a minute. */
  readonly first_pause_ms?: number
}

interface Line {
  readonly client: MqttClient
  /** Topic filters that the hub has acknowledged on this connection, or refused. */
  readonly filters: Set<string>
}

const longestPause = 15_000

/**
 * What happens in homes, as it happens. It holds a connection as long as anybody listens to anything, connects anew when that is lost,
 * and before its token ends opens the next one beside it, so that nothing is missed. `close` it.
 */
export class Live {
  readonly #options: LiveOptions
  readonly #listeners = new Map<string, Set<Listener>>()
  #line: Line | null = null
  #opening = false
  #closed = false
  #failures = 0
  #refused: string | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #status: LiveStatus = 'connecting'

  constructor(options: LiveOptions) {
    this.#options = options
  }

  get status(): LiveStatus {
    return this.#status
  }

  /** Listens to topic filters, which are asked for at the hub once however many listen. @returns what ends it */
  subscribe(filters: readonly string[], listener: Listener): () => void {
    for (const filter of filters) {
      const listeners = this.#listeners.get(filter) ?? new Set()
      this.#listeners.set(filter, listeners.add(listener))
    }
    const line = this.#line
    if (line) void this.#ask(line).then(done => done && line === this.#line && listener.resumed?.())
    else void this.#open()
    return () => this.#unsubscribe(filters, listener)
  }

  /** Tries at once instead of after a pause: the network is back, or somebody looks. */
  wake(): void {
    // A connection may have died while the machine slept.
    this.check()
    if (this.#line || this.#listeners.size === 0) return
    this.#failures = 0
    void this.#open()
  }

  /** Asks whether the hub is still there: a connection on which nothing comes within this time, in milliseconds, is taken for lost. */
  check(within_ms = 5000): void {
    const line = this.#line
    if (!line) return
    const silent = setTimeout(() => this.#lost(line), within_ms)
    line.client.once('packetreceive', () => clearTimeout(silent))
    line.client.sendPing()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
    const line = this.#line
    this.#line = null
    await line?.client.endAsync(true)
  }

  #unsubscribe(filters: readonly string[], listener: Listener): void {
    for (const filter of filters) {
      const listeners = this.#listeners.get(filter)
      listeners?.delete(listener)
      if (listeners?.size !== 0) continue
      this.#listeners.delete(filter)
      this.#line?.filters.delete(filter)
      this.#line?.client.unsubscribe(filter)
    }
  }

  /** Opens a connection and takes it in the place of the one there is. */
  async #open(): Promise<void> {
    if (this.#opening || this.#closed) return
    this.#opening = true
    clearTimeout(this.#timer)
    try {
      const { access_token, expires_at } = await this.#options.credentials(this.#refused)
      const line = await this.#connect(access_token).catch((error: unknown) => {
        if (isRefusal(error)) this.#refused = access_token
        throw error
      })
      // Who begins to listen meanwhile is not missed.
      while (this.#unasked(line).length > 0 && line.client.connected) await this.#ask(line)
      if (!line.client.connected || this.#closed) line.client.end(true)
      if (!line.client.connected) throw new Error('The connection was lost while subscribing.')
      this.#take(line, expires_at)
    } catch {
      this.#failed()
    } finally {
      this.#opening = false
    }
  }

  async #connect(access_token: string): Promise<Line> {
    const options = {
      clientId: `user-${Math.random().toString(36).slice(2)}`,
      username: 'live',
      password: access_token,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      // Browsers let the timers of hidden pages run once a minute.
      keepalive: 90,
      // The other timers are workers made of text, which no strict policy allows.
      timerVariant: 'native',
    } as const
    const client = await mqtt.connectAsync(this.#options.url, options, false)
    const line = { client, filters: new Set<string>() }
    client.on('message', (topic, payload, { retain }) =>
      this.#tell({ topic, payload: payload.toString(), retained: retain }),
    )
    client.on('error', () => client.end(true))
    client.on('close', () => this.#lost(line))
    return line
  }

  #unasked = ({ filters }: Pick<Line, 'filters'>) => [...this.#listeners.keys()].filter(filter => !filters.has(filter))

  /** Subscribes to what is wanted and not asked for yet. @returns whether the connection still stands then */
  async #ask({ client, filters }: Line): Promise<boolean> {
    const asked = this.#unasked({ filters })
    for (const filter of asked) filters.add(filter)
    // A filter that is refused is one of a home that is no longer theirs: nothing is heard there.
    await Promise.allSettled(asked.map(filter => client.subscribeAsync(filter, { qos: 0 })))
    return client.connected
  }

  #take(line: Line, expires_at: number): void {
    const old = this.#line
    this.#line = line
    this.#failures = 0
    // What is on its way over the old connection still comes.
    old?.client.end()
    this.#tellStatus('online')
    const renew_in = expires_at - Date.now() - (this.#options.renew_before_ms ?? 60_000)
    this.#timer = setTimeout(() => void this.#open(), Math.max(renew_in, 1000))
    if (old === null) for (const listener of this.#everyone()) listener.resumed?.()
  }

  #everyone = () => new Set([...this.#listeners.values()].flatMap(listeners => [...listeners]))

  #tell(message: Message): void {
    const told = new Set<Listener>()
    for (const [filter, listeners] of this.#listeners)
      if (matches(filter, message.topic)) for (const listener of listeners) told.add(listener)
    for (const listener of told) listener.heard(message)
  }

  #lost(line: Line): void {
    // Whoever waits for an answer on it is told.
    line.client.end(true)
    if (line !== this.#line || this.#closed) return
    this.#line = null
    this.#tellStatus('offline')
    this.#later()
  }

  #failed(): void {
    if (this.#closed) return
    if (this.#line === null) this.#tellStatus('offline')
    this.#later()
  }

  /** By chance a little sooner or later, so that not all pages come back to a hub at the same moment. */
  #later(): void {
    const pause = Math.min(longestPause, (this.#options.first_pause_ms ?? 500) * 2 ** this.#failures++)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#open(), pause * (0.75 + Math.random() / 2))
  }

  #tellStatus(status: LiveStatus): void {
    if (status === this.#status) return
    this.#status = status
    this.#options.changed?.(status)
  }
}

/** Return codes 4 and 5 of a CONNACK: the credential is wrong, or not good any more. */
const isRefusal = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 4 || error.code === 5)
