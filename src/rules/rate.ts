import type { LeafSpec } from './condition.js'
import { type Input, type Leaf, never } from './inputs.js'
import { limitIn, type Test, testOf } from './limits.js'

/** Of the readings in a window so many are remembered: the first one of each part of it. */
const partsOfWindow = 64
type Spec = Extract<LeafSpec, { type: 'rate' }>

/** How fast a field changes, from the oldest to the newest reading in a window, if they are at least half of it apart. */
export class Rate implements Leaf {
  on = false
  next = never
  readonly #spec: Spec
  readonly #beyond: Test
  readonly #windowMs: number
  readonly #partMs: number
  #known: { readonly at: number; readonly value: number }[] = []
  #newest = Number.NEGATIVE_INFINITY
  #rate = 0

  constructor(spec: Spec) {
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
    return on !== this.on || this.next < next
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
