import type { Value } from './payload.js'

/** What is known of one field in one stretch of time. */
export interface Tally {
  /** All samples that have the field. */
  samples: number
  /** Those of them that are numbers or booleans (true is 1), which the sums are made of. */
  numbers: number
  sum: number
  /** Infinite where there are no numbers. */
  min: number
  max: number
  /** As JSON text. */
  first: string
  last: string
  /** By how much a counter has grown: what is less than the one before began at 0 again. */
  increase: number
}

/** One field's samples, taken in the order of their times. */
export class Tallying implements Tally {
  samples = 0
  numbers = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  increase = 0
  #first: Value = 0
  #last: Value = 0
  #before: number | null = null

  add(value: Value): void {
    if (this.samples === 0) this.#first = value
    this.#last = value
    this.samples++
    if (typeof value === 'string') return
    const number = Number(value)
    this.numbers++
    this.sum += number
    if (number < this.min) this.min = number
    if (number > this.max) this.max = number
    if (this.#before !== null) this.increase += growth(this.#before, number)
    this.#before = number
  }

  get first(): string {
    return JSON.stringify(this.#first)
  }

  get last(): string {
    return JSON.stringify(this.#last)
  }
}

/** By how much a counter has grown from one reading to the next (prometheus.io/docs/prometheus/latest/querying/functions/#increase). */
export const growth = (before: number, after: number): number => (after >= before ? after - before : after)

/** Neighbouring stretches as one, the earlier one first. */
export function joined(parts: readonly Tally[]): Tally {
  const [first, ...rest] = parts
  if (!first) throw new Error('there is nothing to join')
  const whole: Tally = { ...first }
  for (const part of rest) {
    const [before, after] = [numberOf(whole.last), numberOf(part.first)]
    whole.samples += part.samples
    whole.numbers += part.numbers
    whole.sum += part.sum
    whole.min = Math.min(whole.min, part.min)
    whole.max = Math.max(whole.max, part.max)
    whole.increase += part.increase + (before === null || after === null ? 0 : growth(before, after))
    whole.last = part.last
  }
  return whole
}

/** The number that a reading in JSON stands for; null for a text. */
export function numberOf(json: string): number | null {
  const value = JSON.parse(json) as Value
  return typeof value === 'string' ? null : Number(value)
}
