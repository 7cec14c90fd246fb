import type { Told } from '../store/append.js'
import type { Value } from './payload.js'

/** A field of a device of which somebody wants to hear. */
export interface WatchedField {
  /** Stands for its name and for who wants to hear of it; what it stands for never changes. */
  readonly number: number
  readonly name: string
  /**
   * What is between the two, and is none of `alarming`, is calm: of calm readings only the first after others is told. Null when each reading
   * is to be told.
   */
  readonly calm: { readonly above: number; readonly below: number; readonly alarming: readonly Value[] } | null
}

/** By the numbers of devices. */
export type Watched = ReadonlyMap<number, readonly WatchedField[]>

/** What a number stands for: itself, a boolean, or its place among the texts. */
const kinds = { number: 0, boolean: 1, text: 2 } as const
const kindsInAll = 3
const header = 4

interface Watching {
  readonly field: WatchedField
  /** Nothing that is older counts. */
  newest: number
  wasCalm: boolean
}

/** Gathers, in the writer's thread, the readings that somebody wants to hear of, as numbers. */
export class Watch {
  #watched = new Map<number, Watching[]>()
  #numbers = new Float64Array(1024)
  #length = 0
  #texts: string[] = []

  /** @param to is `Watched`, or null for nothing */
  attend(to: unknown): void {
    this.#watched = new Map()
    for (const [num, fields] of (to as Watched | null) ?? [])
      this.#watched.set(
        num,
        fields.map(field => ({ field, newest: Number.NEGATIVE_INFINITY, wasCalm: false })),
      )
  }

  note(device_num: number, ts: number, received_at: number, data: Readonly<Record<string, Value>>): void {
    const watched = this.#watched.get(device_num)
    if (watched === undefined) return
    const start = this.#length
    this.#makeRoom(header + 2 * watched.length)
    for (const one of watched) {
      // What every object has by its nature is no value of these kinds.
      const value = data[one.field.name]
      const kind = kindOf(value)
      if (value === undefined || kind === null || !isNews(one, ts, value)) continue
      if (this.#length === start) this.#length += header
      this.#numbers[this.#length++] = one.field.number * kindsInAll + kind
      this.#numbers[this.#length++] = typeof value === 'string' ? this.#texts.push(value) - 1 : Number(value)
    }
    if (this.#length === start) return
    this.#numbers[start] = device_num
    this.#numbers[start + 1] = ts
    this.#numbers[start + 2] = received_at
    this.#numbers[start + 3] = (this.#length - start - header) / 2
  }

  #makeRoom(more: number): void {
    if (this.#length + more <= this.#numbers.length) return
    const larger = new Float64Array(2 * this.#numbers.length + more)
    larger.set(this.#numbers)
    this.#numbers = larger
  }

  take(): Told | null {
    if (this.#length === 0) return null
    const told = { numbers: this.#numbers.slice(0, this.#length), texts: this.#texts }
    this.#length = 0
    this.#texts = []
    return told
  }

  /** What was noted may be undone: it is told when it comes again. */
  forget(): void {
    this.#length = 0
    this.#texts = []
    for (const watched of this.#watched.values())
      for (const one of watched) {
        one.newest = Number.NEGATIVE_INFINITY
        one.wasCalm = false
      }
  }
}

function kindOf(value: unknown): number | null {
  if (typeof value === 'number') return kinds.number
  if (typeof value === 'boolean') return kinds.boolean
  return typeof value === 'string' ? kinds.text : null
}

function isNews(one: Watching, ts: number, value: Value): boolean {
  const { calm } = one.field
  if (calm === null) return true
  if (ts <= one.newest) return false
  one.newest = ts
  const isCalm =
    (typeof value !== 'number' || (value > calm.above && value < calm.below)) && !calm.alarming.includes(value)
  const isNew = !isCalm || !one.wasCalm
  one.wasCalm = isCalm
  return isNew
}

interface Hearing<Reading> {
  /** What stands for a reading of a field of this number. */
  reading(number: number, value: Value, ts: number, received_at: number): Reading
  sample(
    device_num: number,
    ts: number,
    received_at: number,
    readings: readonly Reading[],
    numbers: readonly number[],
  ): void
}

/** Goes through what was told, sample by sample. */
export function eachTold<Reading>({ numbers, texts }: Told, hearing: Hearing<Reading>): void {
  for (let at = 0; at < numbers.length; ) {
    const device_num = numbers[at] ?? 0
    const ts = numbers[at + 1] ?? 0
    const received_at = numbers[at + 2] ?? 0
    const end = at + header + 2 * (numbers[at + 3] ?? 0)
    const readings: Reading[] = []
    const told: number[] = []
    for (at += header; at < end; at += 2) {
      const code = numbers[at] ?? 0
      const kind = code % kindsInAll
      const number = (code - kind) / kindsInAll
      readings.push(hearing.reading(number, meantBy(kind, numbers[at + 1] ?? 0, texts), ts, received_at))
      told.push(number)
    }
    hearing.sample(device_num, ts, received_at, readings, told)
  }
}

function meantBy(kind: number, value: number, texts: readonly string[]): Value {
  if (kind === kinds.number) return value
  return kind === kinds.boolean ? value === 1 : (texts[value] ?? '')
}
