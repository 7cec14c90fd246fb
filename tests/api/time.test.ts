import { describe, expect, test } from 'vitest'
import { parseTime } from '../../src/api/time.js'

const now = Date.UTC(2026, 2, 29, 12)

describe('a time in a query', () => {
  test.each([
    ['1767225600000', 1_767_225_600_000],
    ['0', 0],
    ['now', now],
    ['-90s', now - 90_000],
    ['-15m', now - 900_000],
    ['-1h', now - 3_600_000],
    ['-7d', now - 7 * 86_400_000],
    ['-2w', now - 14 * 86_400_000],
    ['+1h', now + 3_600_000],
    [' 1h', now + 3_600_000],
    ['2026-01-01', Date.UTC(2026, 0, 1)],
    ['2026-01-01T00:00', Date.UTC(2026, 0, 1)],
    ['2026-01-01T00:00:00.250Z', Date.UTC(2026, 0, 1) + 250],
    ['2026-01-01T02:00:00+02:00', Date.UTC(2026, 0, 1)],
    ['2026-01-01T02:00:00 02:00', Date.UTC(2026, 0, 1)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
  ])('%s is read', (text, ms) => expect(parseTime(text, now)).toBe(ms))

  test.each([
    '',
    'yesterday',
    '-1',
    '1e12',
    '-1y',
    '1h',
    '--1h',
    '2026-02-30',
    '2026-13-01',
    '2026-01-01T25:00',
    '01/02/2026',
    '9999999999999999',
    '-99999999w',
    '١٢',
    '0x10',
    "1' or '1'='1",
  ])('%s is refused', text => expect(parseTime(text, now)).toBeNull())

  test('without an offset it is UTC, whatever the zone of the machine', () => {
    const before = process.env.TZ
    process.env.TZ = 'America/New_York'
    expect(parseTime('2026-07-01T12:00', now)).toBe(Date.UTC(2026, 6, 1, 12))
    process.env.TZ = before ?? 'UTC'
  })
})
