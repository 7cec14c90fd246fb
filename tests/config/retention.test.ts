import { expect, test } from 'vitest'
import { bytesOf } from '../../config/quantities.js'
import { retentionFault, retentionOf } from '../../config/retention.js'

const day = 86_400_000

test('what a device says stands over what its home says, and that over the hub’s', () => {
  expect(retentionOf('raw=10d,1m=20d', 'raw=5d', null)).toEqual({ raw: 5 * day, '1m': 20 * day })
  expect(retentionOf('raw=10d', 'raw=5d,1h=forever', '1m=30d, raw=3d')).toEqual({ raw: 3 * day, '1m': 30 * day })
  expect(retentionOf('')).toEqual({ raw: 30 * day, '1m': 365 * day })
})

test('minutes are kept at least as long as samples', () => {
  expect(retentionOf('raw=30d,1m=1y', 'raw=2y')).toEqual({ raw: 730 * day, '1m': 730 * day })
  expect(retentionOf('raw=forever')['1m']).toBe(Number.POSITIVE_INFINITY)
})

test.each([
  ['raw=30 days', 'is written like raw=30d,1m=1y,1h=forever, and not "raw=30 days"'],
  ['', 'is written like raw=30d,1m=1y,1h=forever, and not ""'],
  ['raw=1d,raw=2d', 'names something twice'],
  ['raw=59m', 'keeps raw shorter than an hour'],
  ['raw=30d,1m=7d', 'keeps 1m shorter than raw'],
  ['1m=30m', 'keeps 1m shorter than raw'],
  ['1h=1y', 'must keep 1h and 1d forever'],
  ['raw=1h,1m=1h,1h=forever,1d=forever', null],
])('%j: %s', (text, fault) => {
  expect(retentionFault(text)).toBe(fault)
})

test('bytes are written with a unit or without, in powers of 1000', () => {
  expect(['20GB', '1.5 MB', '300', '2kb', '0'].map(bytesOf)).toEqual([20e9, 1.5e6, 300, 2000, 0])
  expect(['GB', '-1', '1 GiB', ''].map(bytesOf)).toEqual([null, null, null, null])
})
