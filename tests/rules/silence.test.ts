import { expect, test } from 'vitest'
import { condition } from '../../src/rules/condition.js'
import { RuleState } from '../../src/rules/engine.js'

const s = 1000

test('a rule that waits for silence is not weighed at each message, but when the silence could have been', () => {
  const rule = { condition: condition.parse({ type: 'no_data', seconds: 60 }), hours: null, clear_after_ms: 0 }
  const one = new RuleState(rule, 0)
  const hear = (at: number) => one.observe({ kind: 'heard', at: at * s }).map(({ kind }) => kind)
  for (const at of [1, 20, 59]) expect([hear(at), one.next]).toEqual([[], 60 * s])
  expect([one.tick(60 * s), one.next]).toEqual([[], 119 * s])
  expect(one.tick(119 * s)).toMatchObject([{ kind: 'raised', at: 119 * s }])
  expect([hear(130), one.next]).toEqual([['cleared'], 190 * s])
})
