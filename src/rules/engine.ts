import type { Condition } from './condition.js'
import { leavesOf } from './condition.js'
import type { Hours } from './hours.js'
import { type Input, type Leaf, never } from './inputs.js'
import { leafOf } from './leaves.js'

/** What of a rule says when its alert is raised and cleared. */
export interface Timing {
  readonly condition: Condition
  /** Null when at all times. */
  readonly hours: Hours | null
  /** How long it must have been over before the alert is cleared, in milliseconds. */
  readonly clear_after_ms: number
}

export interface Transition {
  readonly kind: 'raised' | 'cleared'
  /** When it came to be so, by the times of what was said; milliseconds since 1970. */
  readonly at: number
  /** What was so, in words. */
  readonly reason: string
  /** The values that were said of what is so, by their names. */
  readonly values: Readonly<Record<string, unknown>>
}

type Holds = (leaves: readonly { readonly on: boolean }[]) => boolean

/** The tree as a function of its leaves, which are numbered in their order. */
function compile(condition: Condition, next = { leaf: 0 }): Holds {
  if ('all' in condition) {
    const parts = condition.all.map(part => compile(part, next))
    return leaves => parts.every(part => part(leaves))
  }
  if ('any' in condition) {
    const parts = condition.any.map(part => compile(part, next))
    return leaves => parts.some(part => part(leaves))
  }
  const index = next.leaf++
  return leaves => leaves[index]?.on === true
}

const compiled = new WeakMap<Condition, Holds>()
function holdsOf(condition: Condition): Holds {
  const known = compiled.get(condition) ?? compile(condition)
  compiled.set(condition, known)
  return known
}

/**
 * One rule for one device: what has been said goes in, and out comes when the alert is raised and cleared. Nothing here looks at a clock, so that
 * a recorded period gives what a living one would have given.
 */
export class RuleState {
  readonly leaves: readonly Leaf[]
  readonly #timing: Timing
  readonly #holds: Holds
  #active: boolean
  /** Until when it is certain that nothing changes unless something is said; it may be certain for longer. */
  #next: number
  #clock = Number.NEGATIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY
  /** When hours begin in which the alert may be raised; when it has been over for long enough. */
  #opens = never
  #ends = never

  /**
   * @param begun since when a device may be silent, in milliseconds since 1970
   * @param active whether the alert was there when what is told from now on began
   */
  constructor(timing: Timing, begun: number, active = false) {
    this.#timing = timing
    this.#holds = holdsOf(timing.condition)
    this.leaves = leavesOf(timing.condition).map(spec => leafOf(spec, begun))
    this.#active = active
    if (active) for (const leaf of this.leaves) leaf.seed?.()
    this.#next = this.#nextOf()
  }

  get active(): boolean {
    return this.#active
  }

  /** When to `tick` again, in milliseconds since 1970; infinite when nothing is to be expected. */
  get next(): number {
    return this.#next
  }

  /** Whatever is said comes in the order in which it was said; what bears an earlier time than the last of its kind changes nothing. */
  observe(input: Input): readonly Transition[] {
    return this.observeAll([input], input.at)
  }

  /** The same of things that were said at once, and are so together. */
  observeAll(inputs: readonly Input[], at: number): readonly Transition[] {
    const found = this.#next <= at ? this.#run(at) : none
    let changed = false
    for (const input of inputs) for (const leaf of this.leaves) changed = leaf.take(input) || changed
    if (!changed) return found
    const all = [...found]
    this.#settle(at, all)
    return this.#next <= this.#clock ? [...all, ...this.#run(this.#clock)] : all
  }

  /** Time has passed. @param now milliseconds since 1970 */
  tick(now: number): readonly Transition[] {
    return this.#next <= now ? this.#run(now) : none
  }

  /** What is remembered is looked at as a whole, at this time: what was active and is not so any more is cleared. */
  review(at: number): readonly Transition[] {
    const found = [...this.tick(at)]
    this.#settle(at, found)
    return found
  }

  /** Nothing could be heard before this time: whoever was not silent before has its time from then on. */
  grace(at: number): void {
    for (const leaf of this.leaves) leaf.grace?.(at)
    this.#next = this.#nextOf()
  }

  #run(until: number): Transition[] {
    this.#clock = Math.max(this.#clock, until)
    const found: Transition[] = []
    while (this.#next <= until) {
      const at = this.#next
      for (const leaf of this.leaves) if (leaf.next <= at) leaf.advance(at)
      this.#settle(at, found)
    }
    return found
  }

  #settle(at: number, found: Transition[]): void {
    if (this.#holds(this.leaves)) this.#met(at, found)
    else this.#unmet(at, found)
    this.#next = this.#nextOf()
  }

  #met(at: number, found: Transition[]): void {
    this.#ends = never
    this.#opens = never
    if (this.#active) return
    const opens = this.#timing.hours?.next(at) ?? at
    if (opens > at) this.#opens = opens
    else this.#change(true, at, found)
  }

  #unmet(at: number, found: Transition[]): void {
    this.#opens = never
    if (!this.#active) return
    if (this.#ends === never) this.#ends = at + this.#timing.clear_after_ms
    if (this.#ends > at) return
    this.#change(false, this.#ends, found)
    this.#ends = never
  }

  #change(active: boolean, at: number, found: Transition[]): void {
    this.#active = active
    this.#last = Math.max(this.#last, at)
    found.push({ kind: active ? 'raised' : 'cleared', at: this.#last, ...this.now() })
  }

  /** What is so. */
  now(): Pick<Transition, 'reason' | 'values'> {
    const so = this.leaves.filter(leaf => leaf.on)
    const values = Object.fromEntries(so.flatMap(({ about }) => (about ? [[about.name, about.value]] : [])))
    return { reason: so.map(leaf => leaf.said).join(', '), values }
  }

  #nextOf(): number {
    let next = Math.min(this.#opens, this.#ends)
    for (const leaf of this.leaves) if (leaf.next < next) next = leaf.next
    return next
  }
}

const none: readonly Transition[] = []
