import { expect, test } from 'vitest'
import { aroundEqual } from '../../src/console/state/scale.js'

test('numbers that are equal get room in which steps are not lost, however large they are', () => {
  expect(aroundEqual(0, 0)).toEqual([-1, 1])
  expect(aroundEqual(21.5, 21.5)).toEqual([20.5, 22.5])
  for (const value of [2 ** 53, -(2 ** 53), 1e17, 1e300, Number.MAX_VALUE, -Number.MAX_VALUE]) {
    const [least, most] = aroundEqual(value, value) ?? [0, 0]
    const step = most / 1000 - least / 1000
    expect([value, Number.isFinite(least), Number.isFinite(most)]).toEqual([value, true, true])
    expect(value < 0 ? value + step : value - step).not.toBe(value)
  }
})

test('so do those that differ by no more than rounding, and others are left as they are', () => {
  expect(aroundEqual(1e17, 1e17 + 16)).not.toBeNull()
  expect(aroundEqual(1e17 - 16, 1e17)?.[0]).toBeLessThan(1e17 - 16)
  for (const [least, most] of [
    [21, 22],
    [0, 5e-324],
    [-1e308, 1e308],
    [1e9, 1e9 + 1],
  ] as const)
    expect([least, aroundEqual(least, most)]).toEqual([least, null])
})
