import type { Told } from '../store/append.js'
import type { Value } from './payload.js'

/** A field of a device of which somebody wants to hear. */
export interface WatchedField {
  /** Stands for its name; the same for all devices, and for as long as the process lives. */
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

/** A reading as it is told. */
export interface ToldReading {
  readonly number: number
  readonly value: Value
}

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
  #numbers: number[] = []
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
    const start = this.#numbers.length
    for (const one of watched) {
      const value = Object.hasOwn(data, one.field.name) ? data[one.field.name] : undefined
      if (value === undefined || !isNews(one, ts, value)) continue
      if (this.#numbers.length === start) this.#numbers.push(device_num, ts, received_at, 0)
      this.#put(one.field.number, value)
    }
    if (this.#numbers.length > start) this.#numbers[start + 3] = (this.#numbers.length - start - header) / 2
  }

  #put(number: number, value: Value): void {
    const code = number * kindsInAll
    if (typeof value === 'number') this.#numbers.push(code + kinds.number, value)
    else if (typeof value === 'boolean') this.#numbers.push(code + kinds.boolean, Number(value))
    else this.#numbers.push(code + kinds.text, this.#texts.push(value) - 1)
  }

  take(): Told | null {
    if (this.#numbers.length === 0) return null
    const told = { numbers: Float64Array.from(this.#numbers), texts: this.#texts }
    this.#numbers = []
    this.#texts = []
    return told
  }

  /** What was noted may be undone: it is told when it comes again. */
  forget(): void {
    this.#numbers = []
    this.#texts = []
    for (const watched of this.#watched.values())
      for (const one of watched) {
        one.newest = Number.NEGATIVE_INFINITY
        one.wasCalm = false
      }
  }
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

type Hear = (device_num: number, ts: number, received_at: number, readings: readonly ToldReading[]) => void

/** Goes through what was told, sample by sample. */
export function eachTold({ numbers, texts }: Told, hear: Hear): void {
  for (let at = 0; at < numbers.length; ) {
    const [device_num, ts, received_at] = [numbers[at] ?? 0, numbers[at + 1] ?? 0, numbers[at + 2] ?? 0]
    const end = at + header + 2 * (numbers[at + 3] ?? 0)
    const readings: ToldReading[] = []
    for (at += header; at < end; at += 2) {
      const code = numbers[at] ?? 0
      const value = numbers[at + 1] ?? 0
      const kind = code % kindsInAll
      const meant = kind === kinds.number ? value : kind === kinds.boolean ? value === 1 : (texts[value] ?? '')
      readings.push({ number: (code - kind) / kindsInAll, value: meant })
    }
    hear(device_num, ts, received_at, readings)
  }
}
