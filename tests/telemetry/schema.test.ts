import { expect, test } from 'vitest'
import { createRandom, type Random } from '../../simulators/random.js'
import { parseMessage } from '../../src/bridge/parse.js'
import { PayloadFault } from '../../src/json.js'
import { telemetry } from '../../src/messages.js'
import { parseTelemetry } from '../../src/telemetry/payload.js'

const received = Date.UTC(2026, 0, 1)

/** Payloads near the border between what is taken and what is not: mostly right, with something odd now and then. */
class Payloads {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  next(): unknown {
    if (this.#random.chance(0.3)) return this.#list(() => this.#point(), this.#random.pick([0, 1, 3, 3, 1000, 1001]))
    return this.#point()
  }

  #list(make: () => unknown, length: number): unknown[] {
    // Long lists are of one point, or the test would take its time from this alone.
    const first = make()
    return Array.from({ length }, (_, i) => (length > 10 ? first : i === 0 ? first : make()))
  }

  #point(): unknown {
    if (this.#random.chance(0.03)) return this.#odd()
    if (this.#random.chance(0.4)) return this.#readings(0)
    const point: Record<string, unknown> = {}
    const wrapper = this.#random.pick(['data', 'data', 'values', 'both'])
    if (wrapper !== 'values') point.data = this.#random.chance(0.1) ? this.#odd() : this.#readings(0)
    if (wrapper !== 'data') point.values = this.#random.chance(0.1) ? this.#odd() : this.#readings(0)
    if (this.#random.chance(0.5)) point.ts = this.#random.pick([received, 5, -1, 1.5, 1e300, null, 'now', {}, [], true])
    if (this.#random.chance(0.3)) point.age = this.#random.pick([0, 60_000, 0.5, -1, 1e300, null, '1s', {}, [1]])
    if (this.#random.chance(0.3))
      point.metadata = this.#random.pick<unknown>([{}, { a: { b: [1] } }, null, 'x', [1], 5])
    if (this.#random.chance(0.2)) point.more = this.#odd()
    return point
  }

  #readings(depth: number): Record<string, unknown> {
    const entries = Array.from({ length: this.#random.pick([0, 1, 2, 3]) }, () => [this.#name(), this.#value(depth)])
    if (this.#random.chance(0.05)) {
      const count = this.#random.pick([99, 100, 101])
      entries.push(...Array.from({ length: count }, (_, i) => [`n${i}`, this.#random.chance(0.99) ? i : null]))
    }
    return Object.fromEntries(entries)
  }

  #name(): string {
    if (this.#random.chance(0.9)) return this.#random.pick(['t', 'temperature', 'a.b', 'é', '🌡', 'ts', 'age', 'data'])
    const long = this.#random.pick([60, 64, 127, 128, 129])
    return this.#random.pick(['', 'constructor', 'a\nb', '\u0000', '\u007f', ' ', 'values', 'n'.repeat(long)])
  }

  #value(depth: number): unknown {
    if (this.#random.chance(0.2) && depth < 20) return this.#readings(depth + 1)
    if (this.#random.chance(0.02)) return this.#odd()
    return this.#random.pick([1, -0, 1.5, 1e308, true, false, 'text', '', null])
  }

  #odd(): unknown {
    return this.#random.pick([null, 5, 'x', true, [], [1], [[]], {}, { a: [1] }, { a: { b: {} } }])
  }
}

const takes = (read: () => unknown) => {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof PayloadFault) return false
    throw error
  }
}

test('the schema and the parser take the same payloads', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  process.stdout.write(`telemetry payloads from seed ${seed}\n`)
  const payloads = new Payloads(createRandom(seed))
  const tally = { taken: 0, refused: 0 }
  for (let i = 0; i < 5000; i++) {
    const payload = Buffer.from(JSON.stringify(payloads.next()))
    const taken = takes(() => parseTelemetry(payload, received))
    tally[taken ? 'taken' : 'refused']++
    const byTheSchema = takes(() => parseMessage(telemetry, payload))
    expect(byTheSchema, `seed ${seed}, payload ${i}: ${payload.toString().slice(0, 2000)}`).toBe(taken)
  }
  // Were nearly all of one kind, the two would agree by accident.
  expect(Math.min(tally.taken, tally.refused)).toBeGreaterThan(500)
})
