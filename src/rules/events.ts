import { isObject } from '../json.js'
import type { LeafSpec } from './condition.js'
import { type Input, type Leaf, never } from './inputs.js'

type Spec = Extract<LeafSpec, { type: 'events' }>

/** So many events within a window, told by their own times. */
export class Events implements Leaf {
  on = false
  next = never
  readonly #spec: Spec
  readonly #windowMs: number
  /** The newest ones, in order. */
  readonly #times: number[] = []

  constructor(spec: Spec) {
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
