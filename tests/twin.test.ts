import { describe, expect, test } from 'vitest'
import { diffPatch, keepWishes, mergePatch, openDifference } from '../src/twin.js'

const seen = () => true

describe('a wish', () => {
  test.each([
    ['that is met stands', { on: true }, { on: false }, { on: true }, { on: true }],
    ['stands while the device says what it said before', { level: 200 }, { level: 10 }, { level: 10 }, { level: 200 }],
    [
      'ends when the device was set to something else',
      { level: 200, on: true },
      { level: 200, on: true },
      { level: 50 },
      { on: true },
    ],
    ['ends when what it is for is gone', { mode: 'heat' }, { mode: 'heat' }, { mode: null }, {}],
    ['stands when what was never there is said to be gone', { mode: 'heat' }, {}, { mode: null }, { mode: 'heat' }],
    [
      'ends for the inner name alone',
      { led: { r: 1, g: 2 } },
      { led: { r: 1, g: 2 } },
      { led: { g: 9 } },
      { led: { r: 1 } },
    ],
    ['ends as a whole with its last inner name', { led: { g: 2 } }, { led: { g: 2 } }, { led: { g: 9 } }, {}],
    ['ends when an object takes its place', { led: 1 }, { led: 1 }, { led: { r: 1 } }, {}],
    ['for another name is not touched', { a: 1 }, { b: 1 }, { b: 2 }, { a: 1 }],
  ])('%s', (_, desired, reported, patch, kept) => expect(keepWishes(desired, reported, patch, seen)).toEqual(kept))

  test('that the device has not heard yet is newer than what it did', () => {
    const kept = keepWishes({ a: 1, b: 1 }, { a: 1, b: 1 }, { a: 2, b: 2 }, name => name === 'a')
    expect(kept).toEqual({ b: 1 })
  })
})

test('a difference is the patch that makes the one of the other', () => {
  const before = { a: 1, b: { c: 1, d: [1, 2] }, e: 'x' }
  const after = { a: 1, b: { d: [1], f: { g: 1 } }, h: {} }
  expect(diffPatch(before, after)).toEqual({ b: { c: null, d: [1], f: { g: 1 } }, e: null, h: {} })
  expect(mergePatch(before, diffPatch(before, after))).toEqual(after)
  expect(diffPatch(after, after)).toEqual({})
})

test('what is open is what is wished and not so', () => {
  expect(openDifference({ a: 1, b: { c: 1, d: 2 }, e: 3 }, { a: 1, b: { c: 1 } })).toEqual({ b: { d: 2 }, e: 3 })
  expect(openDifference({ a: 1 }, { a: 1, b: 2 })).toEqual({})
})
