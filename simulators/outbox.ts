import { drawMischief, type Faults, type Mischief } from './faults.js'
import type { Values } from './model.js'
import type { Random } from './random.js'

export interface Point {
  /** Milliseconds since 1970 by the device's clock. */
  readonly ts: number
  readonly data: Values
}

/** What became of the telemetry. A batch is one message of several points. */
export interface OutboxCounts {
  sent: number
  acknowledged: number
  points_acknowledged: number
  /** Points pushed out by newer ones while the hub was away. */
  points_lost: number
}

export interface OutboxOptions {
  /** Publishes on `telemetry` at QoS 1; `acknowledged` is called with the PUBACK, if one ever comes. */
  readonly send: (payload: string | Buffer, dup: boolean, acknowledged: () => void) => void
  readonly isReady: () => boolean
  /** Ends the connection as a fault would. */
  readonly cut: () => void
  readonly later: (ms: number, action: () => void) => void
  /** The true time, as far as the device knows it. */
  readonly now: () => number
  readonly random: Random
  readonly faults: Faults
  readonly keep_ledger: boolean
  readonly on_ack: (latency_ms: number) => void
}

/** Points kept while the hub is away, the oldest lost first; also the most that a batch may hold. */
const maxWaiting = 1000
/** Messages without PUBACK; further points wait, and go as one batch. */
const maxInFlight = 20
/** The hub gives its own time to points before 2020 or further ahead than this, and they cannot be found by theirs. */
const believed = { from: Date.UTC(2020, 0, 1), ahead_ms: 300_000 }

/** A device's points on their way to the hub: kept while it is away, sent, misled by faults, and ticked off by PUBACKs. */
export class Outbox {
  readonly counts: OutboxCounts = { sent: 0, acknowledged: 0, points_acknowledged: 0, points_lost: 0 }
  /** Every acknowledged point whose time a hub keeps, in the order of the PUBACKs. */
  readonly ledger: Point[] = []
  readonly #options: OutboxOptions
  #waiting: Point[] = []
  #inFlight = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Takes a point that was just measured, and does to it what the faults say. */
  offer(point: Point): void {
    const { faults, random, later, cut, isReady } = this.#options
    const mischief = drawMischief(faults, random)
    const stamped = { ...point, ts: point.ts + (mischief.clock_error_ms ?? 0) }
    if (mischief.malformed !== undefined && isReady()) this.#send(mischief.malformed, [], false)
    if (mischief.delay_ms === undefined) this.#queue(stamped, mischief)
    else later(mischief.delay_ms, () => this.#queue(stamped, mischief))
    if (mischief.drop) cut()
  }

  /** Sends what waits, as far as the window allows. */
  flush(): void {
    if (this.#waiting.length === 0 || this.#inFlight >= maxInFlight || !this.#options.isReady()) return
    const points = this.#waiting
    this.#waiting = []
    this.#send(encode(points), points, false)
  }

  #queue(point: Point, { duplicate }: Mischief): void {
    this.#waiting.push(point)
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.shift()
      this.counts.points_lost++
    }
    this.flush()
    // Half of them as a device that has lost its count of messages would, without the mark of a repetition.
    if (duplicate && this.#options.isReady()) this.#send(encode([point]), [], this.#options.random.chance(0.5))
  }

  #send(payload: string | Buffer, points: readonly Point[], dup: boolean): void {
    const { now, send, keep_ledger, on_ack } = this.#options
    const sentAt = performance.now()
    const latest = now() + believed.ahead_ms
    this.counts.sent++
    this.#inFlight++
    send(payload, dup, () => {
      this.#inFlight--
      this.counts.acknowledged++
      this.counts.points_acknowledged += points.length
      on_ack(performance.now() - sentAt)
      if (keep_ledger) this.ledger.push(...points.filter(({ ts }) => ts >= believed.from && ts <= latest))
      this.flush()
    })
  }
}

const encode = (points: readonly Point[]) => JSON.stringify(points.length === 1 ? points[0] : points)
