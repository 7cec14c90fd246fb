/** How far back a chart looks, and how wide its windows are, so that a few hundred are drawn. */
export const ranges = [
  { name: '1 h', about: 'One hour', start: '-1h', window: '10s', window_ms: 10_000, has_days: false },
  { name: '6 h', about: 'Six hours', start: '-6h', window: '1m', window_ms: 60_000, has_days: false },
  { name: '24 h', about: 'One day', start: '-24h', window: '5m', window_ms: 300_000, has_days: false },
  { name: '7 d', about: 'Seven days', start: '-7d', window: '30m', window_ms: 1_800_000, has_days: false },
  { name: '30 d', about: 'Thirty days', start: '-30d', window: '3h', window_ms: 10_800_000, has_days: false },
  { name: '1 y', about: 'One year', start: '-365d', window: '1d', window_ms: 86_400_000, has_days: true },
] as const
export type Range = (typeof ranges)[number]
