import fc from 'fast-check'
import { expect, test } from 'vitest'
import { condition } from '../../src/rules/condition.js'
import { RuleState, type Timing } from '../../src/rules/engine.js'
import { Hours } from '../../src/rules/hours.js'
import type { Input } from '../../src/rules/inputs.js'
import { holdsNow } from './model.js'

const s = 1000
const reading = (at: number, value: number | boolean | string, field = 't'): Input => ({
  kind: 'reading',
  field,
  value,
  ts: at * s,
  at: at * s,
  received_at: at * s,
})
const state = (at: number, reported: Record<string, unknown>): Input => ({ kind: 'state', reported, at: at * s })
const event = (at: number, name: string): Input => ({
  kind: 'event',
  event: 'event',
  data: { event: name },
  at: at * s,
})
const heard = (at: number): Input => ({ kind: 'heard', at: at * s })
const presence = (at: number, status: 'online' | 'offline' | 'sleeping'): Input => ({
  kind: 'presence',
  status,
  at: at * s,
})

/** What a rule says of some inputs, and of the time after them, in seconds: `+3 -7`. */
function run(rule: unknown, inputs: readonly Input[], until: number, more: Partial<Timing> = {}): string {
  const timing = { condition: condition.parse(rule), hours: null, clear_after_ms: 0, ...more }
  const one = new RuleState(timing, 0)
  const found = [...inputs.flatMap(input => one.observe(input)), ...one.tick(until * s)]
  return found.map(({ kind, at }) => `${kind === 'raised' ? '+' : '-'}${at / s}`).join(' ')
}

const t = (...values: number[]) => values.map((value, at) => reading(at, value))

test.each([
  ['above its limit, and not at it', { above: 5 }, t(5, 6, 5), '+1 -2'],
  ['at its limit', { at_least: 5 }, t(5, 4), '+0 -1'],
  ['below its limit', { below: 5 }, t(5, 4, 5), '+1 -2'],
  ['at most its limit', { at_most: 5 }, t(6, 5, 6), '+1 -2'],
  ['a value, of whatever kind', { equals: true }, [reading(0, false), reading(1, true), reading(2, 1)], '+1 -2'],
  ['any other value', { not_equals: 'ok' }, [reading(0, 'ok'), reading(1, 'jam'), reading(2, 'ok')], '+1 -2'],
  ['back to where it clears', { above: 5, clear_at: 3 }, t(6, 5, 4, 3, 4), '+0 -3'],
  ['the same from below', { below: 5, clear_at: 7 }, t(4, 6, 7), '+0 -2'],
  ['a text, which is above nothing', { above: 5 }, [reading(0, 9), reading(1, 'x')], '+0 -1'],
  ['so for some time', { above: 5, for_seconds: 3 }, t(6, 6, 4, 6, 6, 6, 6, 4), '+6 -7'],
  ['so for some time in which nothing more is said', { above: 5, for_seconds: 3 }, t(6), '+3'],
  [
    'holding on, which is not enough before it is raised',
    { above: 5, clear_at: 3, for_seconds: 2 },
    t(6, 4, 6, 6, 6, 4, 3),
    '+4 -6',
  ],
  ['late, which changes nothing', { above: 5 }, [reading(5, 1), reading(3, 9)], ''],
  ['said twice of one moment, the first of which stands', { above: 5 }, [reading(5, 1), reading(5, 9)], ''],
])('a reading is %s', (_, limits, inputs, expected) => {
  expect(run({ type: 'threshold', field: 't', ...limits }, inputs, 100)).toBe(expected)
})

test.each([
  ['rises too fast', { above: 1, per_seconds: 1, window_seconds: 4 }, t(0, 1, 2, 9, 9, 9, 9, 9), '+3 -7'],
  ['falls too fast', { below: -1, per_seconds: 1, window_seconds: 2 }, t(9, 9, 1, 1, 1), '+2 -4'],
  [
    'rose too fast, and nothing has been said since',
    { above: 1, per_seconds: 1, window_seconds: 2 },
    t(0, 1, 5),
    '+2 -4',
  ],
  ['has been known for less than half of the window', { above: 1, per_seconds: 1, window_seconds: 9 }, t(0, 9, 90), ''],
])('a reading %s', (_, limits, inputs, expected) => {
  expect(run({ type: 'rate', field: 't', ...limits }, inputs, 100)).toBe(expected)
})

test.each([
  ['it never said anything', {}, [], '+10'],
  ['it says something', {}, [heard(4), heard(20)], '+14 -20 +30'],
  [
    'of a field nothing comes',
    { field: 't' },
    [reading(4, 1), heard(9), reading(9, 1, 'u'), reading(20, 1)],
    '+14 -20 +30',
  ],
  ['it sleeps', {}, [presence(5, 'sleeping'), presence(60, 'online')], '+70'],
  ['it falls asleep when it was silent', {}, [presence(15, 'sleeping'), presence(60, 'offline')], '+10 -15 +70'],
])('silence is noticed: %s', (_, more, inputs, expected) => {
  expect(run({ type: 'no_data', seconds: 10, ...more }, inputs, 99)).toBe(expected)
})

test.each([
  [
    'a value anywhere in it',
    { path: 'door.open', equals: true },
    [state(1, { door: { open: true } }), state(2, {})],
    '+1 -2',
  ],
  [
    'for some time',
    { path: 'a', equals: 1, for_seconds: 5 },
    [state(1, { a: 1 }), state(3, { a: 2 }), state(4, { a: 1 })],
    '+9',
  ],
  ['another value, where there is one', { path: 'a', not_equals: 1 }, [state(1, {}), state(2, { a: 2 })], '+2'],
  ['a name that every object has', { path: 'constructor', not_equals: 1 }, [state(1, {})], ''],
])('a state has %s', (_, limits, inputs, expected) => {
  expect(run({ type: 'state', ...limits }, inputs, 99)).toBe(expected)
})

test('events count within a window, by their name', () => {
  const rule = { type: 'events', name: 'motion', count: 3, window_seconds: 10 }
  const inputs = [event(0, 'motion'), event(1, 'bell'), event(5, 'motion'), event(9, 'motion'), event(12, 'motion')]
  expect(run(rule, inputs, 99)).toBe('+9 -10 +12 -15')
  expect(run(rule, [event(9, 'motion'), event(0, 'motion'), event(5, 'motion')], 99)).toBe('+5 -10')
})

test('several conditions hold all at once, or any of them, nested', () => {
  const hot = { type: 'threshold', field: 't', above: 5 }
  const dry = { type: 'threshold', field: 'h', below: 3 }
  const inputs = [reading(1, 9), reading(2, 1, 'h'), reading(3, 1), reading(4, 9, 'h')]
  expect(run({ all: [hot, dry] }, inputs, 9)).toBe('+2 -3')
  expect(run({ any: [hot, dry] }, inputs, 9)).toBe('+1 -4')
  expect(run({ all: [{ any: [hot, dry] }, { any: [dry] }] }, inputs, 9)).toBe('+2 -4')
})

test('readings of one moment are seen together: what is never so at once raises nothing', () => {
  const rule = {
    all: [
      { type: 'threshold', field: 't', above: 5 },
      { type: 'threshold', field: 'h', below: 3 },
    ],
  }
  const one = new RuleState({ condition: condition.parse(rule), hours: null, clear_after_ms: 0 }, 0)
  expect(one.observeAll([reading(1, 1), reading(1, 1, 'h')], s)).toEqual([])
  expect(one.observeAll([reading(2, 9), reading(2, 9, 'h')], 2 * s)).toEqual([])
})

test('an alert is cleared when it has been over for long enough', () => {
  const rule = { type: 'threshold', field: 't', above: 5 }
  expect(run(rule, t(9, 1, 9, 1, 1, 1), 99, { clear_after_ms: 3 * s })).toBe('+0 -6')
})

const at = (text: string) => Date.parse(text)

test('outside its hours a rule raises nothing; what is so when they begin is raised then, and cleared whenever it is over', () => {
  const hours = new Hours({ days: ['mon'], from: '22:00', to: '06:00' }, 'Europe/Paris')
  // Monday, 6 January 2025, at 21:00 in Paris.
  const begun = at('2025-01-06T20:00:00Z')
  const one = new RuleState(
    { condition: condition.parse({ type: 'threshold', field: 't', above: 5 }), hours, clear_after_ms: 0 },
    0,
  )
  const say = (when: number, value: number) =>
    one.observe({ kind: 'reading', field: 't', value, ts: when, at: when, received_at: when })
  expect(say(begun, 9)).toEqual([])
  expect(one.next).toBe(at('2025-01-06T21:00:00Z'))
  expect(one.tick(one.next)).toMatchObject([{ kind: 'raised', at: at('2025-01-06T21:00:00Z') }])
  expect(say(at('2025-01-07T09:00:00Z'), 1)).toMatchObject([{ kind: 'cleared' }])
  expect(say(at('2025-01-07T22:00:00Z'), 9)).toEqual([])
  expect(one.next).toBe(at('2025-01-13T21:00:00Z'))
})

test.each([
  // The clock goes forward on 30 March 2025 at 2:00 in Paris, and back on 26 October at 3:00.
  ['what begins in the hour that is left out begins at its end', '2025-03-30T00:30:00Z', '2025-03-30T01:00:00Z'],
  ['what begins in the hour that comes twice begins with its first', '2025-10-25T23:30:00Z', '2025-10-26T00:30:00Z'],
  ['and lasts through its second', '2025-10-26T01:40:00Z', '2025-10-26T01:40:00Z'],
])('hours follow the clock on the wall: %s', (_, now, next) => {
  const hours = new Hours({ days: ['sun'], from: '02:30', to: '04:00' }, 'Europe/Paris')
  expect(hours.next(at(now))).toBe(at(next))
})

test('hours that end where they begin are a whole day', () => {
  const hours = new Hours({ days: ['tue'], from: '00:00', to: '00:00' }, 'UTC')
  expect(hours.next(at('2025-01-06T23:59:59Z'))).toBe(at('2025-01-07T00:00:00Z'))
  expect(hours.next(at('2025-01-07T23:59:59Z'))).toBe(at('2025-01-07T23:59:59Z'))
})

const seconds = fc.integer({ min: 1, max: 6 })
const lasting = fc.integer({ min: 0, max: 4 })
const small = fc.integer({ min: 0, max: 3 })
const field = fc.constantFrom('t', 'u')
const leaf = fc.oneof(
  fc.record({ type: fc.constant('threshold'), field, above: small, for_seconds: lasting }),
  fc.record({
    type: fc.constant('threshold'),
    field,
    at_most: fc.constant(1),
    clear_at: fc.constant(2),
    for_seconds: lasting,
  }),
  fc.record({
    type: fc.constant('threshold'),
    field,
    at_least: fc.constant(2),
    clear_at: small.filter(n => n <= 2),
    for_seconds: lasting,
  }),
  fc.record({ type: fc.constant('threshold'), field, equals: small, for_seconds: lasting }),
  fc.record({ type: fc.constant('rate'), field, above: small, per_seconds: seconds, window_seconds: seconds }),
  fc.record({ type: fc.constant('no_data'), seconds }),
  fc.record({ type: fc.constant('no_data'), field, seconds }),
  fc.record({ type: fc.constant('state'), path: fc.constantFrom('a', 'b.c'), equals: small, for_seconds: lasting }),
  fc.record({ type: fc.constant('events'), count: fc.integer({ min: 1, max: 3 }), window_seconds: seconds }),
)
const tree = fc.letrec(tie => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    leaf,
    fc.record({ all: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
  ),
})).node
const said = fc.oneof(
  fc.tuple(small, field).map(
    ([value, name]) =>
      (when: number) =>
        reading(when, value, name),
  ),
  small.map(value => (when: number) => state(when, { a: value })),
  small.map(value => (when: number) => state(when, { b: { c: value } })),
  fc.constant((when: number) => event(when, 'x')),
  fc.constant(heard),
  fc.constantFrom('online' as const, 'sleeping' as const).map(status => (when: number) => presence(when, status)),
)
const story = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), said), { maxLength: 25 })

test('the engine says of any rule and any story what is found by asking anew at each second of it', () => {
  const kinds = { raised: 0 }
  fc.assert(
    fc.property(tree, story, lasting, (wanted, parts, clear_after) => {
      const rule = condition.safeParse(wanted)
      fc.pre(rule.success)
      if (!rule.success) return
      let now = 0
      const inputs = parts.map(([pause, make]) => {
        now += pause
        return make(now)
      })
      const one = new RuleState({ condition: rule.data, hours: null, clear_after_ms: clear_after * s }, 0)
      const found: string[] = []
      const expected: string[] = []
      const note = (into: string[], sign: string, at: number) => void into.push(`${sign}${at / s}`)
      let active = false
      let over: number | null = null
      const ask = (until: readonly Input[], at: number) => {
        if (holdsNow(rule.data, until, at, 0)) {
          over = null
          if (!active) note(expected, '+', at)
          active = true
        } else if (active) {
          over ??= at
          if (at - over < clear_after * s) return
          note(expected, '-', at)
          active = false
          over = null
        }
      }
      for (let at = 0, done = 0; at <= now + 15; at++) {
        ask(inputs.slice(0, done), at * s)
        for (; (inputs[done]?.at ?? -1) === at * s; done++) ask(inputs.slice(0, done + 1), at * s)
      }
      for (const input of inputs)
        for (const { kind, at } of one.observe(input)) note(found, kind === 'raised' ? '+' : '-', at)
      for (const { kind, at } of one.tick((now + 15) * s)) note(found, kind === 'raised' ? '+' : '-', at)
      kinds.raised += found.length
      expect(found).toEqual(expected)
    }),
    { numRuns: 2000 },
  )
  expect(kinds.raised).toBeGreaterThan(500)
})
