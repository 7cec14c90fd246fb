import type { LeafSpec } from './condition.js'
import { type Input, type Leaf, never } from './inputs.js'

type Spec = Extract<LeafSpec, { type: 'no_data' }>

/** Nothing has come for some time, while the device does not sleep. */
export class Silence implements Leaf {
  on = false
  next: number
  readonly #spec: Spec
  readonly #ms: number
  #last: number
  #asleep = false

  constructor(spec: Spec, begun: number) {
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
    const { on } = this
    this.#last = at
    this.on = false
    this.next = this.#asleep ? never : at + this.#ms
    return on
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
