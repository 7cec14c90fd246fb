import fc from 'fast-check'
import { expect, test } from 'vitest'
import { calmOf, needsEach } from '../../src/rules/calm.js'
import { condition, leavesOf } from '../../src/rules/condition.js'
import { RuleState } from '../../src/rules/engine.js'
import type { Reading } from '../../src/rules/inputs.js'
import type { Value } from '../../src/telemetry/payload.js'
import { eachTold, Watch } from '../../src/telemetry/watched.js'

const ruleOf = (wanted: unknown) => ({ condition: condition.parse(wanted), hours: null, clear_after_ms: 0 })

/** What of these readings of the field `t` the writer's thread tells whoever has this condition. */
function told(wanted: unknown, values: readonly (readonly [at: number, value: Value])[]): Reading[] {
  const leaves = leavesOf(condition.parse(wanted))
  const watch = new Watch()
  const calm = needsEach('t', leaves) ? null : calmOf('t', leaves)
  watch.attend(new Map([[7, [{ number: 4, name: 't', calm }]]]))
  for (const [at, value] of values) watch.note(7, at, at, { t: value, other: 1 })
  watch.note(8, 1, 1, { t: 99 })
  const found: Reading[] = []
  const batch = watch.take()
  if (!batch) return found
  eachTold<Reading>(batch, {
    reading: (_, value, ts, received_at) => ({ kind: 'reading', field: 't', value, ts, at: ts, received_at }),
    sample: (_, __, ___, readings) => void found.push(...readings),
  })
  return found
}

const inOrder = (...values: Value[]) => values.map((value, at) => [at, value] as const)
const times = (found: readonly Reading[]) => found.map(({ at }) => at)

test('of readings within the limits only the first is told, and the first after others', () => {
  const hot = { type: 'threshold', field: 't', above: 5, clear_at: 3 }
  expect(times(told(hot, inOrder(1, 2, 6, 7, 4, 2, 1, 2, 4, 2)))).toEqual([0, 2, 3, 4, 5, 8, 9])
})

test('each is told to whoever measures a rate, or listens for silence', () => {
  const rate = { type: 'rate', field: 't', above: 5, window_seconds: 60 }
  for (const wanted of [rate, { type: 'no_data', field: 't', seconds: 60 }, { any: [rate] }])
    expect(times(told(wanted, inOrder(1, 1, 1)))).toEqual([0, 1, 2])
})

test('texts and booleans are told as what they are', () => {
  const jam = { type: 'threshold', field: 't', not_equals: 'ok' }
  expect(told(jam, inOrder('ok', true, false, 'jam', 0, 1)).map(({ value }) => value)).toEqual([
    'ok',
    true,
    false,
    'jam',
    0,
    1,
  ])
})

test('what every object has is no reading', () => {
  const watch = new Watch()
  const names = ['constructor', '__proto__', 'toString']
  watch.attend(new Map([[1, names.map((name, number) => ({ number, name, calm: null }))]]))
  watch.note(1, 1, 1, { t: 1 })
  expect(watch.take()).toBe(null)
})

const value = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom<Value>('x', true, 'jam'))
const threshold = fc.oneof(
  fc.record({ above: fc.constantFrom(3, 4), clear_at: fc.constantFrom(1, 2, 3), for_seconds: fc.constantFrom(0, 2) }),
  fc.record({ at_least: fc.constantFrom(3, 4) }),
  fc.record({ below: fc.constantFrom(2, 3), clear_at: fc.constantFrom(3, 5), for_seconds: fc.constantFrom(0, 2) }),
  fc.record({ at_most: fc.constantFrom(1, 2) }),
  fc.record({ equals: fc.constantFrom<Value>('jam', true, 3) }),
  fc.record({ not_equals: fc.constantFrom<Value>('x', 3) }),
)
const leaf = threshold.map(limits => ({ type: 'threshold', field: 't', ...limits }))
const rule = fc.oneof(
  leaf,
  fc.array(leaf, { minLength: 1, maxLength: 3 }).map(all => ({ all })),
  fc.array(leaf, { minLength: 1, maxLength: 3 }).map(any => ({ any })),
)
const said = fc.array(fc.tuple(fc.integer({ min: -2, max: 3 }), value), { maxLength: 30 })

test('a rule says the same of what is told as of everything, also of what comes late or again', () => {
  let raised = 0
  fc.assert(
    fc.property(rule, said, (wanted, parts) => {
      let now = 10
      const values = parts.map(([pause, one]) => {
        now += pause
        return [now * 1000, one] as const
      })
      const transitions = (readings: readonly Reading[]) => {
        const one = new RuleState(ruleOf(wanted), 0)
        const found = [...readings.flatMap(reading => one.observe(reading)), ...one.tick((now + 99) * 1000)]
        return found.map(({ kind, at }) => [kind, at])
      }
      const all = values.map(
        ([at, value]): Reading => ({ kind: 'reading', field: 't', value, ts: at, at, received_at: at }),
      )
      const expected = transitions(all)
      raised += expected.length
      expect(transitions(told(wanted, values))).toEqual(expected)
    }),
    { numRuns: 3000 },
  )
  expect(raised).toBeGreaterThan(1000)
})
