import type { Told } from '../store/append.js'
import type { Value } from './payload.js'

/** The fields of which somebody wants to hear each reading. */
export interface Watched {
  /** By their numbers, which are of all devices and never change. */
  readonly fields: readonly string[]
  /** By the number of the device, the numbers of its fields. */
  readonly devices: ReadonlyMap<number, readonly number[]>
}

/** A sample as it is told: only what is watched of it. */
export interface WatchedSample {
  readonly device_num: number
  readonly ts: number
  readonly received_at: number
  readonly readings: readonly { readonly field: string; readonly value: Value }[]
}

/** What a number stands for: itself, a boolean, or its place among the texts. */
const kinds = { number: 0, boolean: 1, text: 2 } as const
const kindsInAll = 3
const header = 4

/** Gathers, in the writer's thread, the readings that are watched, as numbers. */
export class Watch {
  #watched: Watched = { fields: [], devices: new Map() }
  #numbers: number[] = []
  #texts: string[] = []

  /** @param to a `Watched`, or null for nothing */
  attend(to: unknown): void {
    this.#watched = (to as Watched | null) ?? { fields: [], devices: new Map() }
  }

  note(device_num: number, ts: number, received_at: number, data: Readonly<Record<string, Value>>): void {
    const numbers = this.#watched.devices.get(device_num)
    if (numbers === undefined) return
    const start = this.#numbers.length
    this.#numbers.push(device_num, ts, received_at, 0)
    for (const number of numbers) {
      const name = this.#watched.fields[number] ?? ''
      if (Object.hasOwn(data, name)) this.#put(number, data[name])
    }
    const count = (this.#numbers.length - start - header) / 2
    if (count > 0) this.#numbers[start + header - 1] = count
    else this.#numbers.length = start
  }

  #put(number: number, value: Value | undefined): void {
    if (typeof value === 'number') this.#numbers.push(number * kindsInAll + kinds.number, value)
    else if (typeof value === 'boolean') this.#numbers.push(number * kindsInAll + kinds.boolean, Number(value))
    else if (value !== undefined) this.#numbers.push(number * kindsInAll + kinds.text, this.#texts.push(value) - 1)
  }

  take(): Told | null {
    if (this.#numbers.length === 0) return null
    const told = { numbers: Float64Array.from(this.#numbers), texts: this.#texts }
    this.forget()
    return told
  }

  forget(): void {
    this.#numbers = []
    this.#texts = []
  }
}

/** What was told, sample by sample. */
export function* watchedSamples({ numbers, texts }: Told, fields: readonly string[]): Generator<WatchedSample> {
  for (let at = 0; at < numbers.length; ) {
    const [device_num = 0, ts = 0, received_at = 0, count = 0] = numbers.subarray(at, at + header)
    at += header
    const readings: { field: string; value: Value }[] = []
    for (const end = at + 2 * count; at < end; at += 2) {
      const code = numbers[at] ?? 0
      const value = numbers[at + 1] ?? 0
      const kind = code % kindsInAll
      const meant = kind === kinds.number ? value : kind === kinds.boolean ? value === 1 : (texts[value] ?? '')
      readings.push({ field: fields[(code - kind) / kindsInAll] ?? '', value: meant })
    }
    yield { device_num, ts, received_at, readings }
  }
}
