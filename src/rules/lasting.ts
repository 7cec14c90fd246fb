import { isObject } from '../json.js'
import type { LeafSpec } from './condition.js'
import { type Input, type Leaf, never } from './inputs.js'
import { holdOf, limitIn, type Test, testOf } from './limits.js'

type Spec<Type extends LeafSpec['type']> = Extract<LeafSpec, { type: Type }>
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

export class Threshold extends Lasting implements Leaf {
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

export class StateValue extends Lasting implements Leaf {
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
