import type { Value } from '../telemetry/payload.js'

export type Test = (value: unknown) => boolean

interface Limits {
  readonly above?: number | undefined
  readonly at_least?: number | undefined
  readonly below?: number | undefined
  readonly at_most?: number | undefined
  readonly equals?: Value | undefined
  readonly not_equals?: Value | undefined
}

export function testOf({ above, at_least, below, at_most, equals, not_equals }: Limits): Test {
  if (above !== undefined) return value => typeof value === 'number' && value > above
  if (at_least !== undefined) return value => typeof value === 'number' && value >= at_least
  if (below !== undefined) return value => typeof value === 'number' && value < below
  if (at_most !== undefined) return value => typeof value === 'number' && value <= at_most
  if (equals !== undefined) return value => value === equals
  return value => value !== undefined && value !== not_equals
}

/** Whether a value that was beyond its limit still holds on: until it has come back to `clear_at`. */
export function holdOf(
  { above, at_least, clear_at }: Limits & { readonly clear_at?: number | undefined },
  beyond: Test,
): Test {
  if (clear_at === undefined) return beyond
  const fromAbove = above !== undefined || at_least !== undefined
  return fromAbove
    ? value => typeof value === 'number' && value > clear_at
    : value => typeof value === 'number' && value < clear_at
}

const words: Readonly<Record<keyof Limits, string>> = {
  above: 'above',
  at_least: 'at least',
  below: 'below',
  at_most: 'at most',
  equals: 'equal to',
  not_equals: 'not equal to',
}
export function limitIn(limits: Limits): string {
  const names = Object.keys(words) as (keyof Limits)[]
  return names.flatMap(name => (limits[name] === undefined ? [] : [`${words[name]} ${limits[name]}`])).join()
}
