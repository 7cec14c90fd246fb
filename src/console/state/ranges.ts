const hour = 3_600_000
const day = 24 * hour

export interface Range {
  readonly name: string
  /** For those who hear it. */
  readonly about: string
  /** When it begins, as the API takes it, and how long ago that is in milliseconds. */
  readonly start: string
  readonly length_ms: number
  readonly window: string
  readonly window_ms: number
  /** Whether its windows are days of the home, which are not all as long. */
  readonly has_days: boolean
}

const range = (
  name: string,
  about: string,
  [start, length_ms]: readonly [string, number],
  [window, window_ms]: readonly [string, number],
): Range => ({ name, about, start, length_ms, window, window_ms, has_days: window_ms >= day })

/** How far back a chart looks, and how wide its windows are, so that a few hundred are drawn. */
export const ranges = [
  range('1 h', 'One hour', ['-1h', hour], ['10s', 10_000]),
  range('6 h', 'Six hours', ['-6h', 6 * hour], ['1m', 60_000]),
  range('24 h', 'One day', ['-24h', day], ['5m', 300_000]),
  range('7 d', 'Seven days', ['-7d', 7 * day], ['30m', hour / 2]),
  range('30 d', 'Thirty days', ['-30d', 30 * day], ['3h', 3 * hour]),
  range('1 y', 'One year', ['-365d', 365 * day], ['1d', day]),
] as const
