import { durationMs } from './quantities.js'

/** From the finest to the coarsest. */
const grains = ['raw', '1m', '1h', '1d'] as const
type Grain = (typeof grains)[number]

/** How long samples and their rollups are kept, in milliseconds; Infinity for ever. What is coarser is never kept shorter. */
export type Retention = Readonly<Record<Grain, number>>

const part = /^(raw|1m|1h|1d)=(\d{1,6}[mhdy]|forever)$/
const standard = 'raw=30d,1m=1y,1h=forever,1d=forever'
/** An hour is rolled up when it is over: what is kept shorter would be gone before. */
const shortestMs = 3_600_000

/**
 * The retention that these texts, each like `raw=30d,1m=1y`, come to: a later one stands over those before it, and what none of them names is as by
 * default. Where a finer grain is kept longer than a coarser one, the coarser one is kept as long.
 */
export function retentionOf(...texts: readonly (string | null)[]): Retention {
  const named = Object.assign({}, ...[standard, ...texts].map(text => partsOf(text ?? ''))) as Record<Grain, number>
  let least = 0
  for (const grain of grains) {
    least = Math.max(least, named[grain])
    named[grain] = least
  }
  return named
}

const partsOf = (text: string): Partial<Record<Grain, number>> =>
  Object.fromEntries(
    text.split(',').flatMap(one => {
      const [, grain, duration = ''] = part.exec(one.trim()) ?? []
      return grain === undefined ? [] : [[grain, durationMs(duration)]]
    }),
  )

/** What is wrong with a retention that somebody wrote; null when nothing is. */
export function retentionFault(text: string): string | null {
  const written = text.split(',').map(one => one.trim())
  const bad = written.find(one => !part.test(one))
  if (bad !== undefined) return `is written like ${standard}, and not "${bad.slice(0, 40)}"`
  const named = written.map(one => one.slice(0, one.indexOf('=')))
  const twice = named.find((grain, i) => named.indexOf(grain) !== i)
  if (twice) return `names ${twice} twice`
  const parts = partsOf(text)
  if ((parts.raw ?? shortestMs) < shortestMs) return 'keeps raw shorter than an hour'
  const known = grains.filter(grain => parts[grain] !== undefined)
  const shorter = known.find((grain, i) => i > 0 && (parts[grain] ?? 0) < (parts[known[i - 1] ?? grain] ?? 0))
  return shorter ? `keeps ${shorter} shorter than what is finer` : null
}
