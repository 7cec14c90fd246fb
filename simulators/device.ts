import { z } from 'zod'
import type { Inbound } from '../src/topics.js'
import { CommandRunner } from './commands.js'
import type { Faults } from './faults.js'
import { parseJson } from './json.js'
import { Link } from './link.js'
import type { Model, Values } from './model.js'
import { Outbox, type OutboxCounts, type Point } from './outbox.js'
import { createRandom, deriveSeed, type Random } from './random.js'
import { Uploads } from './uploads.js'

export interface DeviceOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, with host and port. */
  readonly url: string
  /** Client id and user name. */
  readonly id: string
  /** The password. Without one no credentials are shown. */
  readonly api_key?: string | undefined
  /** Where the hub's API is: recordings are uploaded there. Without one they are not. */
  readonly http_url?: string | undefined
  readonly model: Model
  /** For the device's own chances: when it begins, how it backs off, which faults strike. The model has a seed of its own. */
  readonly seed?: number | undefined
  /** Milliseconds between readings; 10 s when not given. */
  readonly interval_ms?: number | undefined
  /** Milliseconds between heartbeats; a minute when not given. */
  readonly heartbeat_ms?: number | undefined
  readonly faults?: Faults | undefined
  /** Keep every acknowledged point, to compare with what is stored. It grows without bound. */
  readonly keep_ledger?: boolean | undefined
  /** Called with the milliseconds from PUBLISH to PUBACK of each message of telemetry. */
  readonly on_ack?: ((latency_ms: number) => void) | undefined
}

/** How long a device that has slept is awake before its next reading, to hear its commands. */
const awakeMs = 1000

/** What the hub says of a recording when it has listened to it. */
const recordingSchema = z.object({
  recording: z.object({
    status: z.string(),
    result: z.object({ detections: z.array(z.object({ key: z.string(), detected: z.boolean() })) }).nullish(),
  }),
})

/** What the hub answers to `hello`. */
const timeSchema = z.object({ now: z.number() })

/** A device on the real wire: it connects, says what it is, beats, reports, obeys, and misbehaves on request. */
export class Device {
  readonly id: string
  /** Times it was connected, commands it was sent, messages on `errors`: what the hub could not read, and recordings listened to. */
  readonly met = { connects: 0, commands: 0, errors: 0, recordings: 0 }

  readonly #options: DeviceOptions
  readonly #model: Model
  readonly #random: Random
  readonly #link: Link
  readonly #runner: CommandRunner
  readonly #outbox: Outbox
  readonly #uploads: Uploads | null
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #createdAt = performance.now()
  #stopped = false
  #asleep = false
  #clockOffset = 0
  #lastTs = 0
  #reported: Values = {}

  constructor(options: DeviceOptions) {
    this.id = options.id
    this.#options = options
    this.#model = options.model
    this.#random = createRandom(deriveSeed(options.seed ?? 1, 1))
    this.#link = new Link({
      url: options.url,
      id: options.id,
      api_key: options.api_key,
      random: this.#random,
      opened: () => this.#introduce(),
      heard: (rest, payload) => this.#hear(rest, payload),
    })
    this.#runner = new CommandRunner({
      model: options.model,
      now: () => this.now(),
      report: result => this.#publish('commands/result', result),
      changed: again => {
        this.#reportState(again)
        this.#sendClips()
      },
      log: message => this.#warn(message),
    })
    this.#outbox = new Outbox({
      send: (payload, dup, acknowledged) => this.#link.publish('telemetry', payload, dup, acknowledged),
      isReady: () => this.#link.ready,
      cut: () => this.#link.cut(),
      later: (ms, action) => this.#later(ms, action),
      now: () => this.now(),
      random: this.#random,
      faults: options.faults ?? {},
      keep_ledger: options.keep_ledger ?? false,
      on_ack: options.on_ack ?? (() => undefined),
    })
    const { http_url, api_key } = options
    const log = (message: string) => this.#warn(message)
    this.#uploads = http_url === undefined ? null : new Uploads({ http_url, api_key, log })
  }

  /** Connected and subscribed. */
  get connected(): boolean {
    return this.#link.ready
  }

  /** Why the connection last failed; null while it holds. */
  get lastError(): string | null {
    return this.#link.lastError
  }

  get counts(): Readonly<OutboxCounts> {
    return this.#outbox.counts
  }

  /** Every acknowledged point whose time a hub keeps, in the order of the PUBACKs; empty unless `keep_ledger` is set. */
  get ledger(): readonly Point[] {
    return this.#outbox.ledger
  }

  /** The device's clock, set by the hub's answer to `hello`: milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#clockOffset
  }

  /**
   * Connects and begins to report. Settles with the first hello; goes on trying, with back-off, while the hub cannot be reached.
   * @throws HubError unauthorized when the hub refuses it before it was ever connected, shutting_down when it is stopped before
   */
  start(): Promise<void> {
    return this.#link.start()
  }

  /** Stops reporting, waits at most 2 s for the PUBACKs still out, and disconnects. Settles when the connection is closed. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#runner.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await Promise.all([this.#link.stop(), this.#uploads?.stop()])
  }

  #introduce(): void {
    this.#publish('hello', this.#model.hello)
    this.#reported = {}
    this.#reportState()
    this.#beat()
    this.#outbox.flush()
    if (this.#asleep) {
      this.#asleep = false
      this.#measureAt(performance.now() + awakeMs)
    }
    if (this.met.connects++ > 0) return
    // A fleet that starts together must not report in step for ever.
    const phase = this.#random.next()
    this.#measureAt(performance.now() + phase * this.#intervalMs())
    this.#later(phase * this.#heartbeatMs(), () => this.#beatOn())
  }

  #hear(rest: string, payload: Buffer): void {
    if (rest === 'commands') {
      this.met.commands++
      this.#runner.receive(payload)
    } else if (rest === 'desired') this.#runner.desire(payload)
    else if (rest === 'errors') this.met.errors++
    else if (rest === 'time') {
      const time = timeSchema.safeParse(parseJson(payload))
      if (time.success) this.#clockOffset = time.data.now - Date.now()
    } else if (rest === 'recordings') this.#learn(payload)
  }

  #learn(payload: Buffer): void {
    const { data } = recordingSchema.safeParse(parseJson(payload))
    if (data?.recording.status !== 'done') return
    this.met.recordings++
    const detections = data.recording.result?.detections ?? []
    this.#model.hear?.(detections.filter(({ detected }) => detected).map(({ key }) => key))
    this.#reportState()
  }

  #sendClips(): void {
    for (const clip of this.#model.drainClips?.() ?? []) this.#uploads?.offer(clip)
  }

  /** Measures when `due`, on the clock of `performance.now`, and from then on at the interval, without drifting. */
  #measureAt(due: number): void {
    this.#later(Math.max(0, due - performance.now()), () => {
      const ts = this.#stamp()
      this.#outbox.offer({ ts, data: this.#model.advance(ts) })
      this.#reportState()
      this.#sendClips()
      if (this.#link.ready) for (const event of this.#model.drainEvents?.() ?? []) this.#publish('event', event)
      const sleep_ms = this.#model.sleepMs?.() ?? 0
      if (sleep_ms > 0 && this.#link.ready) this.#sleep(sleep_ms)
      else this.#measureAt(Math.max(performance.now(), due + this.#intervalMs()))
    })
  }

  /** Says when it will be back, disconnects, and goes on measuring once it is connected again. */
  #sleep(ms: number): void {
    const wakes_at = performance.now() + ms
    this.#asleep = true
    this.#beat({ next_in: ms })
    const wake = () => this.#later(Math.max(0, wakes_at - performance.now()), () => this.#link.resume())
    void this.#link.pause().then(wake)
  }

  /** The time of a point. No two points share one, also when the hub has just set the clock back a little. */
  #stamp(): number {
    const now = this.now()
    const behind = this.#lastTs - now
    this.#lastTs = behind >= 0 && behind < 1000 ? this.#lastTs + 1 : now
    return this.#lastTs
  }

  #intervalMs(): number {
    return this.#model.intervalMs?.() ?? this.#options.interval_ms ?? 10_000
  }

  #heartbeatMs(): number {
    return this.#options.heartbeat_ms ?? 60_000
  }

  #beatOn(): void {
    this.#beat()
    this.#later(this.#heartbeatMs(), () => this.#beatOn())
  }

  #beat(more: object = {}): void {
    const uptime = Math.round((performance.now() - this.#createdAt) / 1000)
    const rssi = Math.round(this.#random.gaussian(-60, 4))
    const free_heap = Math.round(this.#random.between(120_000, 150_000))
    const { firmware_version } = this.#model.hello
    this.#mention('heartbeat', { uptime, rssi, free_heap, firmware_version, ...more })
  }

  /** Tells the keys of the state that have changed since they were last told; while it is away nothing, and then everything. */
  #reportState(again: readonly string[] = []): void {
    if (!this.#link.ready) return
    const state = this.#model.state()
    const news = Object.entries(state).filter(([key, value]) => this.#reported[key] !== value || again.includes(key))
    this.#reported = state
    if (news.length > 0) this.#publish('state', Object.fromEntries(news))
  }

  #publish(rest: Inbound, message: object): void {
    this.#link.publish(rest, JSON.stringify(message), false)
  }

  #mention(rest: Inbound, message: object): void {
    this.#link.mention(rest, JSON.stringify(message))
  }

  #warn(message: string): void {
    this.#mention('log', { ts: this.now(), level: 'warn', message })
  }

  #later(ms: number, action: () => void): void {
    if (this.#stopped) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, ms)
    this.#timers.add(timer)
  }
}
