import QuickLRU from 'quick-lru'
import { HubError } from '../errors.js'

/** One bucket of an aggregation, `[start, end)` in milliseconds since 1970. */
export interface Bucket {
  readonly start: number
  readonly end: number
}

export type Window =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'calendar'; readonly unit: 'd' | 'w' | 'mo'; readonly count: number }

const fixedUnits: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }
const dayMs = 86_400_000
const shortestDays = { d: 1, w: 7, mo: 28 } as const
const maxBuckets = 10_000
/** In all series of one answer together: more would hold everybody up while it is written. */
const maxPoints = 20_000

/**
 * Reads a window like `10s`, `15m`, `1h`, `1d`, `1w`, `1mo`. Up to hours it is a fixed length, from days on it follows the calendar.
 * @throws HubError `invalid_request`
 */
export function parseWindow(text: string): Window {
  const [, digits = '', unit = ''] = /^(\d{1,4})(s|m|h|d|w|mo)$/.exec(text) ?? []
  const count = Number(digits)
  if (count < 1) throw new HubError('invalid_request', 'A window is written like 10s, 15m, 1h, 1d, 1w or 1mo.')
  const ms = fixedUnits[unit]
  return ms === undefined
    ? { kind: 'calendar', unit: unit as 'd' | 'w' | 'mo', count }
    : { kind: 'fixed', ms: ms * count }
}

/** @throws HubError `invalid_request` when the range would have more than 10,000 buckets of this length, or all series together 20,000 */
export function checkBucketCount(window: Window, start_time: number, end_time: number, series = 1): void {
  const ms = window.kind === 'fixed' ? window.ms : window.count * shortestDays[window.unit] * dayMs
  const buckets = (end_time - start_time) / ms
  const advice = 'take a longer window or a shorter range'
  if (buckets > maxBuckets)
    throw new HubError('invalid_request', `The range has more than ${maxBuckets} windows; ${advice}.`)
  if (buckets * series > maxPoints)
    throw new HubError('invalid_request', `The series have more than ${maxPoints} windows together; ${advice}.`)
}

/**
 * The buckets of a calendar window that touch `[start_time, end_time)`, in a named time zone: a day may have 23 or 25 hours. Weeks
 * begin on Monday (ISO 8601); windows of several units are counted from 1970-01-01 (a Thursday, so weeks from 1970-01-05).
 */
export function calendarBuckets(
  window: Window & { kind: 'calendar' },
  timezone: string,
  start_time: number,
  end_time: number,
): Bucket[] {
  const buckets: Bucket[] = []
  const offsetAt = rememberedOffsets(timezone)
  let number = bucketNumber(window, localDate(timezone, start_time))
  let start = startOf(window, offsetAt, number)
  while (start < end_time) {
    const end = startOf(window, offsetAt, ++number)
    buckets.push({ start, end })
    start = end
  }
  return buckets
}

interface LocalDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** Days from 1970-01-01 to the Monday from which weeks are counted. */
const firstMonday = 4

const epochDay = ({ year, month, day }: LocalDate) => Math.floor(Date.UTC(year, month - 1, day) / dayMs)

function bucketNumber({ unit, count }: Window & { kind: 'calendar' }, date: LocalDate): number {
  if (unit === 'mo') return Math.floor(((date.year - 1970) * 12 + date.month - 1) / count)
  const day = epochDay(date)
  return unit === 'w' ? Math.floor((day - firstMonday) / (7 * count)) : Math.floor(day / count)
}

function startOf({ unit, count }: Window & { kind: 'calendar' }, offsetAt: OffsetAt, number: number): number {
  if (unit === 'mo') return zonedMidnight(offsetAt, Date.UTC(1970, number * count, 1))
  const day = unit === 'w' ? number * 7 * count + firstMonday : number * count
  return zonedMidnight(offsetAt, day * dayMs)
}

/** By name in lower case: a zone may be spelled in more ways than there is memory. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone.toLowerCase())
  if (known) return known
  const numeric = {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  } as const
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', ...numeric })
  formats.set(timezone.toLowerCase(), format)
  return format
}

function wallClock(timezone: string, instant: number): Record<string, number> {
  const parts = formatOf(timezone).formatToParts(instant)
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]))
}

function localDate(timezone: string, instant: number): LocalDate {
  const { year = 1970, month = 1, day = 1 } = wallClock(timezone, instant)
  return { year, month, day }
}

type OffsetAt = (instant: number) => number

/** Asking Intl takes 10 µs, and neighbouring days ask for the same instants, as do dashboards again and again. */
const offsets = new QuickLRU<string, number>({ maxSize: 20_000 })

const rememberedOffsets =
  (timezone: string): OffsetAt =>
  instant => {
    const key = `${timezone} ${instant}`
    const known = offsets.get(key)
    if (known !== undefined) return known
    const offset = offsetOf(timezone, instant)
    offsets.set(key, offset)
    return offset
  }

/** Milliseconds that a zone's wall clock is ahead of UTC at an instant. */
export function offsetOf(timezone: string, instant: number): number {
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = wallClock(timezone, instant)
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000
}

/**
 * The first instant of a date in a zone. @param utcMidnight the date as midnight UTC. Where daylight saving skips midnight, the day
 * begins at the jump.
 */
function zonedMidnight(offsetAt: OffsetAt, utcMidnight: number): number {
  const before = offsetAt(utcMidnight - dayMs)
  const after = offsetAt(utcMidnight + dayMs)
  if (before === after) return utcMidnight - before
  const early = utcMidnight - Math.max(before, after)
  const late = utcMidnight - Math.min(before, after)
  if (offsetAt(early) === utcMidnight - early) return early
  if (offsetAt(late) === utcMidnight - late) return late
  return firstInstantFrom(offsetAt, utcMidnight, early, late)
}

/** Where no instant reads midnight: the jump lies between `low` and `high`, found by halving to the minute. */
function firstInstantFrom(offsetAt: OffsetAt, utcMidnight: number, low: number, high: number): number {
  let [before, after] = [low - 60_000, high]
  while (after - before > 60_000) {
    const middle = before + Math.round((after - before) / 120_000) * 60_000
    if (middle + offsetAt(middle) >= utcMidnight) after = middle
    else before = middle
  }
  return after
}

/** @throws HubError `invalid_request` when the runtime knows no such IANA time zone */
export function checkTimezone(timezone: string): string {
  try {
    formatOf(timezone)
  } catch (cause) {
    throw new HubError('invalid_request', `There is no time zone ${timezone}.`, [], cause)
  }
  return timezone
}
