import type { Logger } from 'pino'
import type { Alerts } from '../alerts/alerts.js'
import type { NewEvent } from '../devices/reports.js'
import type { PresenceStatus } from '../inbound.js'
import type { JsonObject } from '../json.js'
import type { Told } from '../store/append.js'
import type { Store } from '../store/store.js'
import { eachTold } from '../telemetry/watched.js'
import { Deadlines } from './deadlines.js'
import { derive, leftoversOf } from './derive.js'
import type { Transition } from './engine.js'
import { type Moment, presenceInputs } from './history.js'
import type { Input } from './inputs.js'
import { Outbox } from './outbox.js'
import { evaluation, loadScopes, maxStates, recordEvaluation } from './scopes.js'
import { type OfDevice, type Watching, Watchings } from './watchings.js'

/** How often it is written down how far rules have been evaluated, and looked whether they apply to others by now. */
const beatMs = 1000
/** What was received longer ago has been committed and evaluated, or its sender has been told that it was not. */
const marginMs = 10_000
/** Changes that come one after the other are taken together. */
const debounceMs = 50
/** Of one rule and device, while it is found out what it has come to; beyond that it is found out again. */
const maxQueued = 1000
const devicesAtOnce = 8

/**
 * Rules as they live: what devices say goes to the rules that it is about, after its commit, and what they make of it to their alerts. Nothing here
 * asks the database of a message; what is remembered is derived from rows at a start.
 */
export class Rules {
  readonly #store: Store
  readonly #log: Logger
  readonly #alerts: Pick<Alerts, 'raise' | 'clear'>
  readonly #outbox: Outbox
  readonly #watchings = new Watchings()
  readonly #deadlines = new Deadlines<Watching>((watching, now) => {
    // Whoever finds out what it has come to sets it anew.
    if (watching.queue !== null) return
    this.#send(watching, watching.state.tick(now), now)
    this.#deadlines.set(watching, watching.state.next)
  })
  #version = -1
  /** What was received until then has been evaluated: as it was written down last, and when something came last. */
  #until = 0
  #lastInput = 0
  #lost = false
  #loading: Promise<void> | null = null
  #debounce: NodeJS.Timeout | null = null
  #beat: NodeJS.Timeout | null = null
  #stopped = false

  constructor(store: Store, alerts: Pick<Alerts, 'raise' | 'clear'>, log: Logger) {
    this.#store = store
    this.#log = log
    this.#alerts = alerts
    this.#outbox = new Outbox(alerts, log)
  }

  /** Finds out what every rule has come to, and tells what was not told before the last end. To be called before anything can be heard. */
  async start(): Promise<void> {
    const now = Date.now()
    const { until } = await evaluation(this.#store.db)
    this.#until = until ?? now
    if (until === null) await recordEvaluation(this.#store.db, now)
    await this.#load(this.#until)
    for (const one of await leftoversOf(this.#store.db, this.#watchings)) await this.#alerts.clear(one)
    this.#beat = setInterval(() => void this.#keepUp(), beatMs)
  }

  /** Rules, or what they apply to, may have changed: they are read again soon. */
  reload(): void {
    if (this.#stopped) return
    this.#debounce ??= setTimeout(() => {
      this.#debounce = null
      this.#loadSoon()
    }, debounceMs)
  }

  /** Settles when what rules have made of everything so far is committed, or cannot be now: then the next start finds it again. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#beat) clearInterval(this.#beat)
    if (this.#debounce) clearTimeout(this.#debounce)
    this.#deadlines.stop()
    await this.#loading
    await this.#outbox.stop()
    const until = Math.min(Date.now() - beatMs, this.#outbox.oldest() - 1)
    // What never began has evaluated nothing.
    if (this.#beat && !this.#lost) await recordEvaluation(this.#store.db, until).catch(err => this.#failed(err))
  }

  /** A message of a device has been committed. */
  heard(num: number, at: number): void {
    const of = this.#watchings.ofNum(num)
    if (of && of.heard.length > 0) this.#feed(of.heard, [{ kind: 'heard', at }], at, at)
  }

  /** The state of a device, as it is after a report that has been committed. */
  state(num: number, reported: JsonObject, at: number): void {
    const of = this.#watchings.ofNum(num)
    if (of) this.#feed(of.state, [{ kind: 'state', reported, at }], at, at)
  }

  /** An event that has been committed. */
  event(num: number, { kind: event, ts, data }: NewEvent, received_at: number): void {
    const of = this.#watchings.ofNum(num)
    const at = Math.min(ts, received_at)
    if (of) this.#feed(of.events, [{ kind: 'event', event, data, at }], at, received_at)
  }

  /** What presence is now, and has been committed. */
  presence(device_id: string, status: PresenceStatus, at: number): void {
    const of = this.#watchings.ofId(device_id)
    if (of) this.#feed(of.presence, presenceInputs(status, at), at, at)
  }

  /** Readings as the writer's thread tells them after their commit; null when nobody knows what was committed. */
  #readings(told: Told | null): void {
    if (told === null) {
      this.#lost = true
      this.reload()
      return
    }
    eachTold<Input>(told, {
      reading: (number, value, ts, received_at) => {
        const field = this.#watchings.fields[number] ?? ''
        return { kind: 'reading', field, value, ts, at: Math.min(ts, received_at), received_at }
      },
      sample: (device_num, ts, received_at, inputs, numbers) => {
        const of = this.#watchings.ofNum(device_num)
        if (of) this.#feed(watchingsOf(of, numbers), inputs, Math.min(ts, received_at), received_at)
      },
    })
  }

  #feed(watchings: readonly Watching[], inputs: readonly Input[], at: number, received_at: number): void {
    if (watchings.length === 0) return
    this.#lastInput = Math.max(this.#lastInput, received_at)
    for (const watching of watchings) {
      if (watching.queue) this.#wait(watching, { at, received_at, inputs })
      else this.#observe(watching, inputs, at, received_at)
    }
  }

  #observe(watching: Watching, inputs: readonly Input[], at: number, received_at: number): void {
    const found = watching.state.observeAll(inputs, at)
    if (found.length > 0) this.#send(watching, found, received_at)
    this.#deadlines.set(watching, watching.state.next)
  }

  #wait({ queue }: Watching, moment: Moment): void {
    if (queue && queue.length < maxQueued) queue.push(moment)
    else this.#lost = true
  }

  #send(watching: Watching, found: readonly Transition[], cause: number): void {
    const { device, living } = watching
    watching.told_at = Math.max(watching.told_at, ...found.map(({ at }) => at))
    for (const one of found)
      if (one.kind === 'raised' || living.rule.auto_clear)
        this.#outbox.send(watching, { ...one, cause, device, rule: living.rule })
  }

  #loadSoon(): void {
    if (this.#loading !== null || this.#stopped) return
    const lost = this.#lost
    this.#lost = false
    this.#loading = this.#load(lost ? this.#until : null)
      .catch(err => {
        this.#lost ||= lost
        this.#failed(err)
      })
      .finally(() => {
        this.#loading = null
      })
  }

  /**
   * Reads which rules apply to what, and finds out what those that are new have come to.
   * @param since finds it out of all of them: what was received until then has been evaluated, in milliseconds since 1970
   */
  async #load(since: number | null): Promise<void> {
    const { db } = this.#store
    for (let all = since !== null; ; all = false) {
      const scopes = await loadScopes(db)
      if (!all && scopes.version === this.#version) return
      if (scopes.pairs.length > maxStates)
        this.#log.error(
          `more than ${maxStates} rules times devices: the newest rules of the largest homes are not evaluated`,
        )
      for (const gone of this.#watchings.replace(scopes)) this.#end(gone)
      await this.#store.attend(this.#watchings.watched(), told => this.#readings(told))
      await this.#deriveEach(all ? since : null)
      this.#version = scopes.version
    }
  }

  /** @param since of every rule; only of those that are new when null */
  async #deriveEach(since: number | null): Promise<void> {
    const waiting = [...this.#watchings.devices].flatMap(({ all }) => {
      const watchings = since === null ? all.filter(({ queue }) => queue !== null) : all
      return watchings.length > 0 ? [watchings] : []
    })
    for (const watching of waiting.flat()) watching.queue ??= []
    const next = async () => {
      for (let some = waiting.shift(); some; some = waiting.shift()) await this.#derive(some, since)
    }
    await Promise.all(Array.from({ length: devicesAtOnce }, next))
  }

  /** Finds out what rules have come to for one device, then goes on with what has come meanwhile. */
  async #derive(watchings: readonly Watching[], evaluated: number | null): Promise<void> {
    const [first] = watchings
    if (!first) return
    const now = Date.now()
    const since = evaluated ?? now
    const rules = watchings.map(({ living }) => living)
    const derived = await derive(this.#store.db, first.device, rules, {
      since,
      lived: since + marginMs,
      now,
      afresh: evaluated === null,
    })
    for (const [i, watching] of watchings.entries()) {
      const found = derived[i]
      if (!found) continue
      const queue = watching.queue ?? []
      watching.state = found.state
      watching.queue = null
      // What waits to be written is in no row yet.
      const news = found.news.filter(({ at }) => at > watching.told_at)
      for (const one of news) this.#send(watching, [one], one.cause)
      for (const { inputs, at, received_at } of queue) this.#observe(watching, inputs, at, received_at)
      this.#deadlines.set(watching, watching.state.next)
    }
  }

  /** A rule applies no more: whatever it was about, it is over. */
  #end(watching: Watching): void {
    this.#deadlines.remove(watching)
    const { state, living, device } = watching
    if (!state.active || this.#watchings.has(living.rule, device.id)) return
    const now = Date.now()
    this.#send(watching, [{ kind: 'cleared', at: now, reason: '', values: {} }], now)
  }

  async #keepUp(): Promise<void> {
    if (this.#loading !== null) return
    try {
      const until = Math.min(Date.now() - marginMs, this.#outbox.oldest() - 1)
      const isBehind = this.#lastInput > this.#until && until > this.#until && !this.#lost
      const version = isBehind
        ? await recordEvaluation(this.#store.db, until)
        : (await evaluation(this.#store.db)).scopes
      if (isBehind) this.#until = until
      if (version !== this.#version || this.#lost) this.#loadSoon()
    } catch (err) {
      this.#failed(err)
    }
  }

  #failed(err: unknown): void {
    this.#log.error({ err }, 'rules could not be read or kept; it is tried again')
  }
}

const nobody: readonly Watching[] = []

/** Whoever wants one of the readings: each once, for readings of one moment are seen together. */
function watchingsOf({ readings }: OfDevice, [first = 0, ...more]: readonly number[]): readonly Watching[] {
  const some = readings.get(first) ?? nobody
  return more.length === 0 ? some : [...new Set([some, ...more.map(number => readings.get(number) ?? nobody)].flat())]
}
