import type { Device } from '../../client/routes.js'
import { isObject, parsed, type Value } from './readings.ts'

const locale = navigator.languages

const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 })
const large = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
const huge = new Intl.NumberFormat(locale, { notation: 'scientific', maximumFractionDigits: 2 })

/** A browser takes seconds to break one word of tens of thousands of letters into lines. */
const mostLetters = 500
const beginningOf = (text: string) => (text.length > mostLetters ? `${text.slice(0, mostLetters)}…` : text)

/** A value as people read it, without its unit; of a long text the beginning. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return formatFor(Math.abs(value)).format(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return beginningOf(typeof value === 'string' ? value : JSON.stringify(value, null, 1).replace(/\n */g, ' '))
}

const formatFor = (size: number) => (size >= 1e15 ? huge : size >= 1000 ? large : number)

/** What is no word, as it is written. */
const signs: ReadonlyMap<string, string> = new Map(
  ['CO', 'dB', 'dBFS', 'Hz', 'LAeq', 'LAFmax', 'mm', 'ms', 'RSSI'].map(sign => [sign.toLowerCase(), sign]),
)

/** `free_heap` becomes `Free heap`, and `low_hz` `Low Hz`. */
export function labelOf(name: string): string {
  const [first = '', ...rest] = beginningOf(name)
    .replace(/[._-]+/g, ' ')
    .trim()
    .split(' ')
  const begun = signs.get(first) ?? first.charAt(0).toUpperCase() + first.slice(1)
  return [begun, ...rest.map(word => signs.get(word) ?? word)].join(' ')
}

/** The unit of a field as the device has declared it, else an empty text. */
export function unitOf({ hello }: Pick<Device, 'hello'>, field: string): string {
  const metrics = hello?.metrics
  const metric = isObject(metrics) ? metrics[field] : undefined
  return isObject(metric) && typeof metric.unit === 'string' ? metric.unit : ''
}

export const withUnit = (value: Value, unit: string) => (unit === '' ? valueText(value) : `${valueText(value)} ${unit}`)

/** Where whoever looks is: for what belongs to no home. */
export const zoneHere = Intl.DateTimeFormat().resolvedOptions().timeZone

const formats = new Map<string, Intl.DateTimeFormat>()
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${zone} ${JSON.stringify(options)}`
  const made = formats.get(name) ?? new Intl.DateTimeFormat(locale, { ...options, timeZone: zone })
  formats.set(name, made)
  return made
}

/** A moment in the home's own time; the day only where it is not today. */
export function timeText(at: number, zone: string, now: number): string {
  const day = format(zone, { dateStyle: 'medium' })
  const isToday = day.format(at) === day.format(now)
  return format(zone, isToday ? { timeStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'short' }).format(at)
}

export const wholeTime = (at: number, zone: string) => format(zone, { dateStyle: 'full', timeStyle: 'long' }).format(at)

/** A moment below a chart whose marks are so far apart, in milliseconds: the time of day, or the day where one begins. */
export function axisText(at: number, step: number, zone: string): string {
  if (step >= 27 * 86_400_000) return format(zone, { month: 'short', year: '2-digit' }).format(at)
  const day = format(zone, { day: 'numeric', month: 'short' }).format(at)
  const time = format(zone, step < 60_000 ? { timeStyle: 'medium' } : { timeStyle: 'short' }).format(at)
  return step >= 86_400_000 || startsDay(at, zone) ? day : time
}

const startsDay = (at: number, zone: string) =>
  format(zone, { dateStyle: 'short' }).format(at) !== format(zone, { dateStyle: 'short' }).format(at - 1)

const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
const steps = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** How long ago something was, in the largest unit that fits. */
export function agoText(at: number, now: number): string {
  const passed = Math.max(0, now - at)
  for (const [unit, ms] of steps) if (passed >= ms) return relative.format(-Math.floor(passed / ms), unit)
  return 'just now'
}

/** JSON with a line for each value, where that changes nothing else; any other text as it is. */
export function spreadText(text: string): string {
  const value = parsed(text)
  if (value === undefined) return text
  const bare = (json: string) => json.replace(/\s+/g, '')
  return bare(JSON.stringify(value)) === bare(text) ? JSON.stringify(value, null, 2) : text
}

const spans = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

/** How long something lasts, given in milliseconds, in the two largest units that fit. */
export function durationText(ms: number, unitDisplay: 'short' | 'narrow' = 'short'): string {
  const spanText = (count: number, unit: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 }).format(count)
  if (ms > 0 && ms < 1000) return spanText(ms, 'millisecond')
  const texts: string[] = []
  let rest = Math.max(0, ms)
  for (const [unit, length] of spans) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0 || (unit === 'second' && texts.length === 0)) texts.push(spanText(count, unit))
  }
  return texts.slice(0, 2).join(' ')
}
