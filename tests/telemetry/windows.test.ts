import { describe, expect, test } from 'vitest'
import { calendarBuckets, checkBucketCount, checkTimezone, parseWindow } from '../../src/telemetry/windows.js'

const hour = 3_600_000
const day = 24 * hour
const at = (text: string) => Date.parse(text)

/** The windows that touch a range: where each begins, and its length in hours. */
function buckets(window: string, timezone: string, from: string, to: string): [string, number][] {
  const parsed = parseWindow(window)
  if (parsed.kind !== 'calendar') throw new Error('not of the calendar')
  return calendarBuckets(parsed, timezone, at(from), at(to)).map(({ start, end }) => [
    new Date(start).toISOString().replace(':00.000Z', 'Z'),
    (end - start) / hour,
  ])
}

describe('a day begins at the zone’s midnight and has as many hours as it has', () => {
  test.each<[string, string, string, string, [string, number][]]>([
    [
      'spring in Paris',
      'Europe/Paris',
      '2026-03-28T12:00Z',
      '2026-03-30T12:00Z',
      [
        ['2026-03-27T23:00Z', 24],
        ['2026-03-28T23:00Z', 23],
        ['2026-03-29T22:00Z', 24],
      ],
    ],
    [
      'autumn in Paris',
      'Europe/Paris',
      '2026-10-24T12:00Z',
      '2026-10-26T12:00Z',
      [
        ['2026-10-23T22:00Z', 24],
        ['2026-10-24T22:00Z', 25],
        ['2026-10-25T23:00Z', 24],
      ],
    ],
    [
      'spring in New York',
      'America/New_York',
      '2026-03-08T06:00Z',
      '2026-03-09T05:00Z',
      [
        ['2026-03-08T05:00Z', 23],
        ['2026-03-09T04:00Z', 24],
      ],
    ],
    [
      'autumn in New York',
      'America/New_York',
      '2026-11-01T05:00Z',
      '2026-11-02T06:00Z',
      [
        ['2026-11-01T04:00Z', 25],
        ['2026-11-02T05:00Z', 24],
      ],
    ],
    [
      'autumn in Lord Howe, by half an hour',
      'Australia/Lord_Howe',
      '2026-04-04T14:00Z',
      '2026-04-05T14:00Z',
      [
        ['2026-04-04T13:00Z', 24.5],
        ['2026-04-05T13:30Z', 24],
      ],
    ],
    [
      'spring in Lord Howe, by half an hour',
      'Australia/Lord_Howe',
      '2026-10-03T14:00Z',
      '2026-10-04T14:00Z',
      [
        ['2026-10-03T13:30Z', 23.5],
        ['2026-10-04T13:00Z', 24],
      ],
    ],
    [
      'Kathmandu, 5:45 ahead',
      'Asia/Kathmandu',
      '2026-01-01T00:00Z',
      '2026-01-01T19:00Z',
      [
        ['2025-12-31T18:15Z', 24],
        ['2026-01-01T18:15Z', 24],
      ],
    ],
    [
      'Apia, where 30 December 2011 did not happen',
      'Pacific/Apia',
      '2011-12-29T12:00Z',
      '2011-12-31T12:00Z',
      [
        ['2011-12-29T10:00Z', 24],
        ['2011-12-30T10:00Z', 0],
        ['2011-12-30T10:00Z', 24],
        ['2011-12-31T10:00Z', 24],
      ],
    ],
    [
      'Beirut, where spring skips midnight',
      'Asia/Beirut',
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      [
        ['2026-03-27T22:00Z', 24],
        ['2026-03-28T22:00Z', 23],
      ],
    ],
    [
      'Havana, where autumn has midnight twice',
      'America/Havana',
      '2026-11-01T05:30Z',
      '2026-11-01T06:00Z',
      [['2026-11-01T04:00Z', 25]],
    ],
  ])('%s', (_, timezone, from, to, expected) => expect(buckets('1d', timezone, from, to)).toEqual(expected))
})

test('weeks begin on Monday, and one with a change of clocks is longer or shorter', () => {
  expect(buckets('1w', 'Europe/Paris', '2026-03-25T00:00Z', '2026-03-31T00:00Z')).toEqual([
    ['2026-03-22T23:00Z', 167],
    ['2026-03-29T22:00Z', 168],
  ])
})

test('months begin on their first, leap years counted', () => {
  expect(buckets('1mo', 'America/New_York', '2028-02-10T00:00Z', '2028-04-02T00:00Z')).toEqual([
    ['2028-02-01T05:00Z', 29 * 24],
    ['2028-03-01T05:00Z', 31 * 24 - 1],
    ['2028-04-01T04:00Z', 30 * 24],
  ])
})

test('windows of several units are counted from 1970, so that the same window is the same in every question', () => {
  const whole = buckets('3d', 'Europe/Paris', '2026-01-01T00:00Z', '2026-02-01T00:00Z')
  const part = buckets('3d', 'Europe/Paris', '2026-01-15T00:00Z', '2026-01-20T00:00Z')
  for (const bucket of part) expect(whole).toContainEqual(bucket)
  expect(buckets('3mo', 'UTC', '2026-02-01T00:00Z', '2026-02-02T00:00Z')).toEqual([['2026-01-01T00:00Z', 90 * 24]])
  expect(buckets('2w', 'UTC', '1970-01-06T00:00Z', '1970-01-07T00:00Z')).toEqual([['1970-01-05T00:00Z', 336]])
})

test.each([
  'Europe/Paris',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/St_Johns',
  'Antarctica/Troll',
])('the days of %s from 2010 to 2030 lie end to end, each beginning on its own date', timezone => {
  const range = [at('2010-01-01T00:00Z'), at('2030-01-01T00:00Z')] as const
  const days = calendarBuckets({ kind: 'calendar', unit: 'd', count: 1 }, timezone, ...range)
  const date = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' })
  const dates = new Set<string>()
  days.forEach(({ start, end }, i) => {
    const before = days[i - 1]
    if (before) expect(start).toBe(before.end)
    if (start === end) return
    // The instant before belongs to another date, and the last instant to the same.
    expect(date.format(start - 1)).not.toBe(date.format(start))
    expect(date.format(end - 1)).toBe(date.format(start))
    dates.add(date.format(start))
  })
  expect(dates.size).toBe(days.filter(({ start, end }) => end > start).length)
})

test.each([
  ['10s', 10_000],
  ['1m', 60_000],
  ['15m', 15 * 60_000],
  ['1h', hour],
])('%s is of a fixed length', (text, ms) => expect(parseWindow(text)).toEqual({ kind: 'fixed', ms }))

test.each(['', '1', 'h', '0h', '-1h', '1.5h', '1y', '1M', ' 1h', '1h ', '12345s', '1ms', '__proto__', '1constructor'])(
  '%j is no window',
  text => expect(() => parseWindow(text)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
)

test('10,000 windows can be asked for, one more cannot, of any length', () => {
  const windows = { '1m': 60_000, '1h': hour, '1d': day, '1w': 7 * day }
  for (const [text, ms] of Object.entries(windows)) {
    expect(() => checkBucketCount(parseWindow(text), 0, 10_000 * ms)).not.toThrow()
    expect(() => checkBucketCount(parseWindow(text), 0, 10_000 * ms + 1)).toThrow('more than 10000 windows')
  }
  expect(() => checkBucketCount(parseWindow('1mo'), 0, at('2700-01-01T00:00Z'))).not.toThrow()
})

test('a time zone that there is not is refused', () => {
  expect(checkTimezone('Asia/Kathmandu')).toBe('Asia/Kathmandu')
  for (const name of ['Mars/Olympus', '', "UTC'; drop table telemetry", '__proto__']) {
    expect(() => checkTimezone(name)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  }
})
