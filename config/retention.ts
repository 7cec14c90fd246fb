import { durationMs } from './quantities.js'

/** How long samples and their rollups by minute are kept, in milliseconds; Infinity for ever. Rollups by hour and day stay. */
export interface Retention {
  readonly raw: number
  readonly '1m': number
}

const standard = 'raw=30d,1m=1y,1h=forever'
const part = /^(raw|1m|1h|1d)=(\d{1,6}[mhdy]|forever)$/
/** An hour is rolled up when it is over: what is kept shorter would be gone before. */
const shortestMs = 3_600_000

/**
 * The retention that these texts, each like `raw=30d,1m=1y`, come to: a later one stands over those before it, and what none of them names is as by
 * default. Minutes are kept at least as long as samples.
 */
export function retentionOf(...texts: readonly (string | null)[]): Retention {
  const named = new Map([standard, ...texts].flatMap(text => partsOf(text ?? '')))
  const raw = named.get('raw') ?? 0
  return { raw, '1m': Math.max(raw, named.get('1m') ?? 0) }
}

const partsOf = (text: string): [grain: string, ms: number][] =>
  text.split(',').flatMap(one => {
    const [, grain, duration] = part.exec(one.trim()) ?? []
    return grain === undefined || duration === undefined ? [] : [[grain, durationMs(duration)]]
  })

/** What is wrong with a retention that somebody wrote; null when nothing is. */
export function retentionFault(text: string): string | null {
  const written = text.split(',').map(one => one.trim())
  const bad = written.find(one => !part.test(one))
  if (bad !== undefined) return `is written like ${standard}, and not "${bad.slice(0, 40)}"`
  const parts = partsOf(text)
  const named = new Map(parts)
  if (named.size < parts.length) return 'names something twice'
  const { raw = shortestMs, '1m': minutes, ...rest } = Object.fromEntries(named)
  if (raw < shortestMs) return 'keeps raw shorter than an hour'
  if (minutes !== undefined && minutes < raw) return 'keeps 1m shorter than raw'
  return Object.values(rest).some(Number.isFinite) ? 'must keep 1h and 1d forever' : null
}
