import type { PresenceStatus } from '../inbound.js'
import { isObject, type JsonObject } from '../json.js'
import type { Value } from '../telemetry/payload.js'
import type { LeafSpec } from './condition.js'

/** Of the readings in a window of a rate so many are remembered: the first one of each part of it. */
const partsOfWindow = 64
const never = Number.POSITIVE_INFINITY

/** Something that a device says, or that is known of it. Times are milliseconds since 1970. */
export type Input = Reading | State | DeviceEvent | PresenceNow | Heard
export interface Reading {
  readonly kind: 'reading'
  readonly field: string
  readonly value: Value
  /** The time it bears, by which it is older or newer than others. */
  readonly ts: number
  /** The same, or when it was received where it bears a time that is still to come. */
  readonly at: number
  readonly received_at: number
}
interface State {
  readonly kind: 'state'
  readonly reported: JsonObject
  readonly at: number
}
interface DeviceEvent {
  readonly kind: 'event'
  /** `event`, or `alert/{key}`. */
  readonly event: string
  readonly data: unknown
  readonly at: number
}
interface PresenceNow {
  readonly kind: 'presence'
  readonly status: PresenceStatus
  readonly at: number
}
/** Any message at all. */
interface Heard {
  readonly kind: 'heard'
  readonly at: number
}

/** One condition of a rule, for one device. */
export interface Leaf {
  /** Whether it is so. */
  readonly on: boolean
  /** When it may change although nothing is said, in milliseconds since 1970; infinite when it will not. */
  readonly next: number
  /** What was said of it last, in words. */
  readonly said: string
  /** The same, where it is of one name. */
  readonly about?: { readonly name: string; readonly value: unknown }
  /** @returns whether `on` or `next` has changed */
  take(input: Input): boolean
  /** @param at `next`, or later */
  advance(at: number): void
  /** The rule was active when what is told from now on began: a value that only holds on has been beyond its limit before. */
  seed?(): void
  /** Nothing can have been heard before this time. */
  grace?(at: number): void
}

/** @param begun since when a device may be silent */
export function leafOf(spec: LeafSpec, begun: number): Leaf {
  switch (spec.type) {
    case 'threshold':
      return new Threshold(spec)
    case 'state':
      return new StateValue(spec)
    case 'rate':
      return new Rate(spec)
    case 'no_data':
      return new Silence(spec, begun)
    case 'events':
      return new Events(spec)
  }
}

type Spec<Type extends LeafSpec['type']> = Extract<LeafSpec, { type: Type }>
type Test = (value: unknown) => boolean

interface Limits {
  readonly above?: number | undefined
  readonly at_least?: number | undefined
  readonly below?: number | undefined
  readonly at_most?: number | undefined
  readonly equals?: Value | undefined
  readonly not_equals?: Value | undefined
}

function testOf({ above, at_least, below, at_most, equals, not_equals }: Limits): Test {
  if (above !== undefined) return value => typeof value === 'number' && value > above
  if (at_least !== undefined) return value => typeof value === 'number' && value >= at_least
  if (below !== undefined) return value => typeof value === 'number' && value < below
  if (at_most !== undefined) return value => typeof value === 'number' && value <= at_most
  if (equals !== undefined) return value => value === equals
  return value => value !== undefined && value !== not_equals
}

/** Whether a value that was beyond its limit still holds on: until it has come back to `clear_at`. */
function holdOf(
  { above, at_least, clear_at }: Limits & { readonly clear_at?: number | undefined },
  beyond: Test,
): Test {
  if (clear_at === undefined) return beyond
  const fromAbove = above !== undefined || at_least !== undefined
  return fromAbove
    ? value => typeof value === 'number' && value > clear_at
    : value => typeof value === 'number' && value < clear_at
}

const words: Readonly<Record<keyof Limits, string>> = {
  above: 'above',
  at_least: 'at least',
  below: 'below',
  at_most: 'at most',
  equals: 'equal to',
  not_equals: 'not equal to',
}
function limitIn(limits: Limits): string {
  const names = Object.keys(words) as (keyof Limits)[]
  return names.flatMap(name => (limits[name] === undefined ? [] : [`${words[name]} ${limits[name]}`])).join()
}
const lasting = (seconds: number) => (seconds > 0 ? ` for ${seconds} s` : '')

/** A value that is beyond a limit for some time. Before it has been so long enough each value must be; after that one may hold on. */
class Lasting {
  on = false
  next = never
  value: unknown
  #since: number | null = null
  #seeded = false
  readonly #beyond: Test
  readonly #holds: Test
  readonly #ms: number

  constructor(beyond: Test, holds: Test, seconds: number) {
    this.#beyond = beyond
    this.#holds = holds
    this.#ms = seconds * 1000
  }

  protected put(value: unknown, at: number): boolean {
    const { on, next } = this
    this.value = value
    const held = (on || this.#seeded) && this.#holds(value)
    this.#seeded = false
    if (held) this.#end(true)
    else if (!this.#beyond(value)) this.#end(false)
    else {
      this.#since ??= at
      const due = this.#since + this.#ms
      if (due <= at) this.#end(true)
      else this.next = due
    }
    return on !== this.on || next !== this.next
  }

  #end(on: boolean): void {
    this.on = on
    this.next = never
    this.#since = null
  }

  advance(): void {
    this.#end(true)
  }

  seed(): void {
    this.#seeded = true
  }
}

class Threshold extends Lasting implements Leaf {
  readonly #spec: Spec<'threshold'>
  /** Of a field the first reading of a moment stands, and none that comes late counts (D8). */
  #newest = Number.NEGATIVE_INFINITY

  constructor(spec: Spec<'threshold'>) {
    const beyond = testOf(spec)
    super(beyond, holdOf(spec, beyond), spec.for_seconds)
    this.#spec = spec
  }

  take(input: Input): boolean {
    if (input.kind !== 'reading' || input.field !== this.#spec.field || input.ts <= this.#newest) return false
    this.#newest = input.ts
    return this.put(input.value, input.at)
  }

  get about() {
    return { name: this.#spec.field, value: this.value }
  }

  get said(): string {
    const { field, for_seconds } = this.#spec
    return `${field} is ${this.value}, ${limitIn(this.#spec)}${lasting(for_seconds)}`
  }
}

class StateValue extends Lasting implements Leaf {
  readonly #spec: Spec<'state'>
  readonly #path: readonly string[]
  #newest = Number.NEGATIVE_INFINITY

  constructor(spec: Spec<'state'>) {
    const beyond = testOf(spec)
    super(beyond, beyond, spec.for_seconds)
    this.#spec = spec
    this.#path = spec.path.split('.')
  }

  take(input: Input): boolean {
    if (input.kind !== 'state' || input.at < this.#newest) return false
    this.#newest = input.at
    return this.put(valueAt(input.reported, this.#path), input.at)
  }

  get about() {
    return { name: this.#spec.path, value: this.value }
  }

  get said(): string {
    const { path, for_seconds } = this.#spec
    return `${path} is ${this.value}, ${limitIn(this.#spec)}${lasting(for_seconds)}`
  }
}

function valueAt(state: unknown, path: readonly string[]): unknown {
  let at = state
  for (const name of path) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return at
}

/** How fast a field changes, from the oldest to the newest reading in a window, if they are at least half of it apart. */
class Rate implements Leaf {
  on = false
  next = never
  readonly #spec: Spec<'rate'>
  readonly #beyond: Test
  readonly #windowMs: number
  readonly #partMs: number
  #known: { readonly at: number; readonly value: number }[] = []
  #newest = Number.NEGATIVE_INFINITY
  #rate = 0

  constructor(spec: Spec<'rate'>) {
    this.#spec = spec
    this.#beyond = testOf(spec)
    this.#windowMs = spec.window_seconds * 1000
    this.#partMs = this.#windowMs / partsOfWindow
  }

  take(input: Input): boolean {
    if (input.kind !== 'reading' || input.field !== this.#spec.field || input.ts <= this.#newest) return false
    const { value, ts: at } = input
    if (typeof value !== 'number') return false
    const { on, next } = this
    const isFirst = Math.floor(at / this.#partMs) > Math.floor(this.#newest / this.#partMs)
    this.#newest = at
    if (isFirst) this.#known.push({ at, value })
    while ((this.#known[0]?.at ?? at) < at - this.#windowMs) this.#known.shift()
    const oldest = this.#known[0]
    const elapsed = oldest ? at - oldest.at : 0
    this.#rate = oldest && elapsed > 0 ? ((value - oldest.value) / elapsed) * this.#spec.per_seconds * 1000 : 0
    this.on = elapsed > 0 && 2 * elapsed >= this.#windowMs && this.#beyond(this.#rate)
    this.next = this.on ? at + this.#windowMs : never
    return on !== this.on || next !== this.next
  }

  /** Nothing has been said for a whole window: nothing is known any more. */
  advance(): void {
    this.on = false
    this.next = never
  }

  get about() {
    return { name: this.#spec.field, value: Number(this.#rate.toPrecision(4)) }
  }

  get said(): string {
    const { field, per_seconds } = this.#spec
    return `${field} changes by ${this.about.value} in ${per_seconds} s, ${limitIn(this.#spec)}`
  }
}

/** Nothing has come for some time, while the device does not sleep. */
class Silence implements Leaf {
  on = false
  next: number
  readonly #spec: Spec<'no_data'>
  readonly #ms: number
  #last: number
  #asleep = false

  constructor(spec: Spec<'no_data'>, begun: number) {
    this.#spec = spec
    this.#ms = spec.seconds * 1000
    this.#last = begun
    this.next = begun + this.#ms
  }

  take(input: Input): boolean {
    if (input.kind === 'presence') return this.#sleeps(input.status === 'sleeping', input.at)
    if (input.kind === 'reading' && this.#spec.field === input.field) return this.#hear(input.received_at)
    return input.kind === 'heard' && this.#spec.field === undefined && this.#hear(input.at)
  }

  grace(at: number): void {
    if (!this.on && !this.#asleep) this.#hear(at)
  }

  #hear(at: number): boolean {
    if (at <= this.#last) return false
    this.#last = at
    this.on = false
    this.next = this.#asleep ? never : at + this.#ms
    return true
  }

  #sleeps(asleep: boolean, at: number): boolean {
    if (asleep === this.#asleep) return false
    this.#asleep = asleep
    if (!asleep) this.#last = Math.max(this.#last, at)
    this.on = false
    this.next = asleep ? never : this.#last + this.#ms
    return true
  }

  advance(): void {
    this.on = true
    this.next = never
  }

  get said(): string {
    const { field = 'message', seconds } = this.#spec
    return `no ${field} for ${seconds} s`
  }
}

/** So many events within a window, told by their own times. */
class Events implements Leaf {
  on = false
  next = never
  readonly #spec: Spec<'events'>
  readonly #windowMs: number
  /** The newest ones, in order. */
  readonly #times: number[] = []

  constructor(spec: Spec<'events'>) {
    this.#spec = spec
    this.#windowMs = spec.window_seconds * 1000
  }

  take(input: Input): boolean {
    if (input.kind !== 'event' || input.event !== this.#spec.kind || !this.#isNamed(input.data)) return false
    const { on, next } = this
    const behind = this.#times.findLastIndex(time => time <= input.at)
    this.#times.splice(behind + 1, 0, input.at)
    if (this.#times.length > this.#spec.count) this.#times.shift()
    this.advance(this.#times.at(-1) ?? input.at)
    return on !== this.on || next !== this.next
  }

  advance(at: number): void {
    const [first = 0] = this.#times
    this.on = this.#times.length === this.#spec.count && first + this.#windowMs > at
    this.next = this.on ? first + this.#windowMs : never
  }

  #isNamed(data: unknown): boolean {
    const { name } = this.#spec
    if (name === undefined) return true
    return isObject(data) && (data.event ?? data.name ?? data.type) === name
  }

  get said(): string {
    const { kind, name = kind, count, window_seconds } = this.#spec
    return `${count} times ${name} within ${window_seconds} s`
  }
}
