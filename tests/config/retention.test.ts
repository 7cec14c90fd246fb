import { expect, test } from 'vitest'
import { bytesOf } from '../../config/quantities.js'
import { fieldRetentionFault, longestOf, retentionFault, retentionOf } from '../../config/retention.js'

const day = 86_400_000
const forever = { '1h': Number.POSITIVE_INFINITY, '1d': Number.POSITIVE_INFINITY }

test('what a device says stands over what its home says, and that over the hub’s', () => {
  expect(retentionOf('raw=10d,1m=20d', 'raw=5d', null)).toEqual({ raw: 5 * day, '1m': 20 * day, ...forever })
  expect(retentionOf('raw=10d', 'raw=5d,1h=forever', '1m=30d, raw=3d')).toEqual({
    raw: 3 * day,
    '1m': 30 * day,
    ...forever,
  })
  expect(retentionOf('')).toEqual({ raw: 30 * day, '1m': 365 * day, ...forever })
})

test('what is coarser is kept at least as long as what is finer', () => {
  expect(retentionOf('raw=30d,1m=1y', 'raw=2y')).toEqual({ raw: 730 * day, '1m': 730 * day, ...forever })
  const year = 365 * day
  expect(retentionOf('1h=1y,1d=2y', 'raw=3y')).toEqual({
    raw: 3 * year,
    '1m': 3 * year,
    '1h': 3 * year,
    '1d': 3 * year,
  })
  expect(retentionOf('1h=1y,1d=2y', 'raw=1d,1m=2d')).toEqual({ raw: day, '1m': 2 * day, '1h': year, '1d': 2 * year })
  expect(retentionOf('1h=1y,1d=2y', 'raw=forever')['1d']).toBe(Number.POSITIVE_INFINITY)
})

test('a device as a whole is kept as long as the longest of its fields', () => {
  const short = retentionOf('raw=1d,1m=9d,1h=1y,1d=2y')
  expect(longestOf([short, retentionOf('raw=5d,1m=5d,1h=2y,1d=2y')])).toEqual({
    raw: 5 * day,
    '1m': 9 * day,
    '1h': 730 * day,
    '1d': 730 * day,
  })
})

test.each([
  ['raw=30 days', 'is written like raw=30d,1m=1y,1h=forever, in m, h, d or y, and not "raw=30 days"'],
  ['raw=2w', 'is written like raw=30d,1m=1y,1h=forever, in m, h, d or y, and not "raw=2w"'],
  ['', 'is written like raw=30d,1m=1y,1h=forever, in m, h, d or y, and not ""'],
  ['raw=1d,raw=2d', 'names something twice'],
  ['raw=59m', 'keeps raw shorter than an hour'],
  ['raw=30d,1m=7d', 'keeps 1m shorter than raw'],
  ['1m=30m', 'keeps 1m shorter than raw'],
  ['1m=1y,1h=30d', 'keeps 1h shorter than 1m'],
  ['raw=30d,1d=7d', 'keeps 1d shorter than raw'],
  ['1h=forever,1d=10y', 'keeps 1d shorter than 1h'],
  ['1d=2y,1h=1y', null],
  ['raw=1h,1m=1h,1h=forever,1d=forever', null],
])('%j: %s', (text, fault) => {
  expect(retentionFault(text)).toBe(fault)
})

test('of a single field only what is not shared by all fields can be said', () => {
  expect(fieldRetentionFault('raw=1d,1m=30d')).toBeNull()
  expect(fieldRetentionFault('raw=1d,1h=1y')).toBe('names 1h or 1d, which all fields of a device share')
  expect(fieldRetentionFault('raw=1')).toContain('is written like')
})

test('bytes are written with a unit, in powers of 1000, and only 0 without', () => {
  expect(['20GB', '1.5 MB', '300B', '2kb', '0'].map(bytesOf)).toEqual([20e9, 1.5e6, 300, 2000, 0])
  expect(['GB', '-1', '1 GiB', '', '20', '0.5'].map(bytesOf)).toEqual([null, null, null, null, null, null])
})
