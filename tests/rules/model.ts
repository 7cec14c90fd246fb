import type { Condition, LeafSpec } from '../../src/rules/condition.js'
import type { Input } from '../../src/rules/inputs.js'

/** A value with when it was said, and how many things had been said before it. */
interface Said {
  readonly at: number
  readonly value: unknown
}

type Limits = Partial<
  Record<'above' | 'at_least' | 'below' | 'at_most' | 'equals' | 'not_equals' | 'clear_at', unknown>
>

const beyond = (limits: Limits, value: unknown): boolean => {
  if (limits.equals !== undefined) return value === limits.equals
  if (limits.not_equals !== undefined) return value !== undefined && value !== limits.not_equals
  if (typeof value !== 'number') return false
  const { above, at_least, below, at_most } = limits as Record<string, number | undefined>
  return (
    (above !== undefined && value > above) ||
    (at_least !== undefined && value >= at_least) ||
    (below !== undefined && value < below) ||
    (at_most !== undefined && value <= at_most)
  )
}

const holdsOn = (limits: Limits, value: unknown): boolean => {
  const clear_at = limits.clear_at as number | undefined
  if (clear_at === undefined) return beyond(limits, value)
  if (typeof value !== 'number') return false
  return limits.above !== undefined || limits.at_least !== undefined ? value > clear_at : value < clear_at
}

/** Goes through all values from the first one, and tells whether the last one stands beyond the limit at a time. */
function lasts(limits: Limits, ms: number, values: readonly Said[], now: number): boolean {
  let since: number | null = null
  let on = false
  const pass = (at: number) => {
    on ||= since !== null && at - since >= ms
  }
  for (const { at, value } of values) {
    pass(at)
    if (on && holdsOn(limits, value)) continue
    on = false
    since = beyond(limits, value) ? (since ?? at) : null
    pass(at)
  }
  pass(now)
  return on
}

const valueAt = (state: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined),
      state,
    )

/** Whether a condition holds at a time, from everything that was said so far: nothing is remembered from one question to the next. */
export function holdsNow(condition: Condition, said: readonly Input[], now: number, begun: number): boolean {
  if ('all' in condition) return condition.all.every(part => holdsNow(part, said, now, begun))
  if ('any' in condition) return condition.any.some(part => holdsNow(part, said, now, begun))
  return leafHolds(condition, said, now, begun)
}

function leafHolds(leaf: LeafSpec, said: readonly Input[], now: number, begun: number): boolean {
  switch (leaf.type) {
    case 'threshold':
      return lasts(leaf, leaf.for_seconds * 1000, readings(said, leaf.field), now)
    case 'state': {
      const values = said.flatMap(one =>
        one.kind === 'state' ? [{ at: one.at, value: valueAt(one.reported, leaf.path) }] : [],
      )
      return lasts(leaf, leaf.for_seconds * 1000, values, now)
    }
    case 'rate':
      return rises(leaf, readings(said, leaf.field), now)
    case 'events': {
      const named = said.filter(one => one.kind === 'event' && one.event === leaf.kind)
      return named.filter(({ at }) => at + leaf.window_seconds * 1000 > now).length >= leaf.count
    }
    case 'no_data':
      return isSilent(leaf, said, now, begun)
  }
}

/** Of each moment the first. */
const readings = (said: readonly Input[], field: string): Said[] => {
  const all = said.flatMap(one => (one.kind === 'reading' && one.field === field ? [one] : []))
  return all.filter((one, i) => all.findIndex(other => other.at === one.at) === i)
}

function rises(leaf: LeafSpec & { type: 'rate' }, all: readonly Said[], now: number): boolean {
  const numbers = all.filter(({ value }) => typeof value === 'number') as { at: number; value: number }[]
  const newest = numbers.at(-1)
  const windowMs = leaf.window_seconds * 1000
  if (!newest || newest.at + windowMs <= now) return false
  const partOf = (at: number) => Math.floor(at / (windowMs / 64))
  const firsts = numbers.filter((one, i) => i === 0 || partOf(one.at) > partOf(numbers[i - 1]?.at ?? 0))
  const oldest = firsts.find(({ at }) => at >= newest.at - windowMs)
  if (!oldest || 2 * (newest.at - oldest.at) < windowMs || oldest.at === newest.at) return false
  const rate = ((newest.value - oldest.value) / (newest.at - oldest.at)) * leaf.per_seconds * 1000
  return beyond(leaf, rate)
}

function isSilent(leaf: LeafSpec & { type: 'no_data' }, said: readonly Input[], now: number, begun: number): boolean {
  let last = begun
  let asleep = false
  for (const one of said) {
    if (one.kind === 'presence') {
      if (asleep && one.status !== 'sleeping') last = one.at
      asleep = one.status === 'sleeping'
    } else if (one.kind === 'heard' ? leaf.field === undefined : one.kind === 'reading' && one.field === leaf.field)
      last = one.at
  }
  return !asleep && now - last >= leaf.seconds * 1000
}
