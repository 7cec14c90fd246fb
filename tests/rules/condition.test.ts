import { expect, test } from 'vitest'
import { condition, lookBackOf } from '../../src/rules/condition.js'

const hot = { type: 'threshold', field: 't', above: 5 }
const deep = (levels: number): unknown => (levels === 0 ? hot : { all: [deep(levels - 1)] })

test.each([
  ['nothing', null],
  ['a list', [hot]],
  ['an empty node', { all: [] }],
  ['a node that is two', { all: [hot], any: [hot] }],
  ['a node with a name beside', { all: [hot], x: 1 }],
  ['a tree that is too deep', deep(4)],
  ['a tree that is deep as the ocean', deep(14)],
  ['a tree that is too wide', { all: Array(17).fill(hot) }],
  ['too many in several branches', { any: [{ all: Array(9).fill(hot) }, { all: Array(9).fill(hot) }] }],
  ['a hundred thousand branches', { any: Array(100_000).fill({ all: [hot] }) }],
  ['an unknown kind', { type: 'regex', field: 't' }],
  ['a name that is not known', { ...hot, pattern: '(a+)+$' }],
  ['no limit', { type: 'threshold', field: 't' }],
  ['two limits', { ...hot, below: 9 }],
  ['a limit that is no number', { ...hot, above: Number.NaN }],
  ['a limit without end', { ...hot, above: Number.POSITIVE_INFINITY }],
  ['a limit that is a text', { ...hot, above: '5' }],
  ['a value that clears where it raises', { ...hot, clear_at: 6 }],
  ['clearing of what equals', { type: 'threshold', field: 't', equals: 5, clear_at: 5 }],
  ['a time that has passed', { ...hot, for_seconds: -1 }],
  ['a time longer than a day', { ...hot, for_seconds: 86_401 }],
  ['no window', { type: 'rate', field: 't', above: 1 }],
  ['more events than are counted', { type: 'events', count: 1001, window_seconds: 1 }],
  ['half an event', { type: 'events', count: 0.5, window_seconds: 1 }],
  ['an endless name', { ...hot, field: 'x'.repeat(129) }],
])('is no condition: %s', (_, wanted) => {
  expect(condition.safeParse(wanted).success).toBe(false)
})

test('says where in the tree a fault is', () => {
  const read = condition.safeParse({ all: [hot, { any: [hot, { ...hot, above: 'x' }] }] })
  expect(read.error?.issues).toMatchObject([{ path: ['all', 1, 'any', 1, 'above'] }])
})

test('takes trees within the bounds, with what is left out filled in', () => {
  expect(condition.parse(deep(3))).toMatchObject({ all: [{ all: [{ all: [{ for_seconds: 0 }] }] }] })
  expect(condition.safeParse({ any: Array(16).fill(hot) }).success).toBe(true)
})

test('looks back as far as its longest time', () => {
  const rate = { type: 'rate', field: 't', above: 1, window_seconds: 60 }
  expect(
    lookBackOf(condition.parse({ all: [{ ...hot, for_seconds: 90 }, rate, { type: 'no_data', seconds: 1e6 }] })),
  ).toBe(90_000)
})
