import { durationMs } from './quantities.js'

/** What is kept of telemetry, from the finest to the coarsest: readings as they came, and their rollups by minute, hour and day. */
const grains = ['raw', '1m', '1h', '1d'] as const

/** How long each is kept, in milliseconds; Infinity for ever. */
export type Retention = Readonly<Record<(typeof grains)[number], number>>

/** Of single fields, by name. */
export type FieldRetentions = Readonly<Record<string, string>>

const standard = 'raw=30d,1m=1y,1h=forever'
const part = /^(raw|1m|1h|1d)=(\d{1,6}[mhdy]|forever)$/
/** An hour is rolled up when it is over: what is kept shorter would be gone before. */
const shortestMs = 3_600_000

/**
 * The retention that these texts, each like `raw=30d,1m=1y`, come to: a later one stands over those before it, and what none of them names is as by
 * default. What is coarser is kept at least as long as what is finer.
 */
export function retentionOf(...texts: readonly (string | null | undefined)[]): Retention {
  const named = new Map([standard, ...texts].flatMap(text => partsOf(text ?? '')))
  return rising(grain => named.get(grain) ?? Number.POSITIVE_INFINITY)
}

/** The longest of several, grain by grain. */
export const longestOf = (all: readonly Retention[]): Retention =>
  rising(grain => Math.max(...all.map(kept => kept[grain])))

function rising(of: (grain: keyof Retention) => number): Retention {
  const raw = of('raw')
  const minutes = Math.max(raw, of('1m'))
  const hours = Math.max(minutes, of('1h'))
  return { raw, '1m': minutes, '1h': hours, '1d': Math.max(hours, of('1d')) }
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
  if (bad !== undefined) return `is written like ${standard}, in m, h, d or y, and not "${bad.slice(0, 40)}"`
  const parts = partsOf(text)
  const named = new Map(parts)
  if (named.size < parts.length) return 'names something twice'
  if ((named.get('raw') ?? shortestMs) < shortestMs) return 'keeps raw shorter than an hour'
  let finer: { grain: string; ms: number } = { grain: 'raw', ms: shortestMs }
  for (const grain of grains) {
    const ms = named.get(grain)
    if (ms === undefined) continue
    if (ms < finer.ms) return `keeps ${grain} shorter than ${finer.grain}`
    finer = { grain, ms }
  }
  return null
}

/** The same for what is written of a single field. */
export function fieldRetentionFault(text: string): string | null {
  const fault = retentionFault(text)
  if (fault !== null) return fault
  return partsOf(text).some(([grain]) => grain === '1h' || grain === '1d')
    ? 'names 1h or 1d, which all fields of a device share'
    : null
}
