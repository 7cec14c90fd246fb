import { meanOf, type Tone, tonesIn } from './tones.js'

/** A signal of equal pulses and a pause, again and again, in seconds. */
export interface Pattern {
  readonly pulses: number
  readonly on: number
  readonly off: number
  readonly pause: number
}

/** The pulses of one cycle as they were found: the frame where they begin, and how far they stand out, dB. */
interface Group {
  readonly start: number
  readonly contrast: number
  /** Of the quietest pulse, dB. */
  readonly level: number
}

interface Chain {
  readonly cycles: number
  /** Of its weakest cycle. */
  readonly contrast: number
  readonly start: number
}

export interface Heard extends Chain {
  readonly hz: number
}

/** Timings may be off by a tenth: ISO 8201:2017 says so of every phase of temporal-three. */
const paces = Array.from({ length: 11 }, (_, index) => 0.9 + index * 0.02)
/** A pulse stands this far above the frequencies around it, dB, or it is no tone. */
const leastSalience = 6
/** Pulses of one signal differ by no more, dB, whatever noise adds. */
const mostUneven = 9
/** What is looked at of a pulse and of a gap, as shares of it: not their edges, and not where the room still rings. */
const [pulseFrom, pulseTo] = [0.2, 0.8]
const [gapFrom, gapTo] = [0.45, 0.85]
/** A pause is looked at in pieces half as long as a pulse, of which so large a share must be quiet: somebody may slam a door. */
/** Frames at its beginning where the room still rings, and at its end where the next pulse may have begun, that are left out. */
const [ringing, edge] = [20, 5]
const quietShare = 0.8

/**
 * The best succession of cycles of a pattern at one frequency within `bands` (Hz). A cycle counts when each pulse stands out by
 * `contrast` dB above all gaps; a first pulse may lie before the clip.
 */
export function findPattern(
  samples: Float32Array,
  rate: number,
  pattern: Pattern,
  bands: readonly (readonly [number, number])[],
  contrast: number,
): Heard | null {
  const { tones, frames, frame_rate } = tonesIn(samples, rate, bands)
  const { pulses, on, off, pause } = pattern
  const inFrames = { pulses, on: on * frame_rate, off: off * frame_rate, pause: pause * frame_rate }
  let best: Heard | null = null
  for (const tone of tones) {
    const groups = groupsOf(tone, frames, inFrames, contrast)
    const chain = longestChain(tone, groups, inFrames, contrast)
    if (chain !== null && (best === null || better(chain, best)))
      best = { ...chain, start: Math.max(0, chain.start / frame_rate), hz: tone.hz }
  }
  return best
}

const better = (a: Chain, b: Chain) => a.cycles > b.cycles || (a.cycles === b.cycles && a.contrast > b.contrast)

function groupsOf(tone: Tone, frames: number, pattern: Pattern, least: number): Group[] {
  const { pulses, on, off } = pattern
  const found: Group[] = []
  for (let start = -Math.round(on + off); start + (pulses - 1) * (on + off) < frames; start++) {
    const group = groupAt(tone, start, pattern)
    if (group === null || group.contrast < least) continue
    const last = found.at(-1)
    // What overlaps is the same group, seen from a little beside.
    if (last === undefined || start - last.start >= pulses * (on + off)) found.push(group)
    else if (group.contrast > last.contrast) found[found.length - 1] = group
  }
  return found
}

function groupAt(tone: Tone, start: number, pattern: Pattern): Group | null {
  const { on, off } = pattern
  const middle = start + on / 2 + (start < 0 ? on + off : 0)
  // Most of a clip is no pulse at any pace.
  if ((meanOf(tone.salience, middle - on / 10, middle + on / 10) ?? 0) < leastSalience) return null
  let best: Group | null = null
  for (const pace of paces) {
    const level = pulseLevel(tone, start, pattern, pace)
    if (level === null) continue
    const contrast = level - gapLevel(tone, start, pattern, pace)
    if (best === null || contrast > best.contrast) best = { start, contrast, level }
  }
  return best
}

/** The level of the quietest pulse, dB; null when these are no such pulses. */
function pulseLevel({ levels, salience }: Tone, start: number, { pulses, on, off }: Pattern, pace: number) {
  let [quietest, loudest, seen] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (let pulse = 0; pulse < pulses; pulse++) {
    const begins = start + pulse * (on + off) * pace
    const [from, to] = [begins + pulseFrom * on * pace, begins + pulseTo * on * pace]
    const level = meanOf(levels, from, to)
    if (level === null) continue
    if ((meanOf(salience, from, to) ?? 0) < leastSalience) return null
    seen++
    quietest = Math.min(quietest, level)
    loudest = Math.max(loudest, level)
  }
  return seen < pulses - 1 || loudest - quietest > mostUneven ? null : quietest
}

/** The level of the loudest gap, dB, and of what stands where one pulse more would, before the first and behind the last. */
function gapLevel({ levels }: Tone, start: number, { pulses, on, off }: Pattern, pace: number): number {
  const period = (on + off) * pace
  let loudest = Number.NEGATIVE_INFINITY
  for (let pulse = -1; pulse < pulses; pulse++) {
    const begins = start + pulse * period + on * pace
    loudest = Math.max(loudest, meanOf(levels, begins + gapFrom * off * pace, begins + gapTo * off * pace) ?? loudest)
  }
  for (const begins of [start - period, start + pulses * period])
    loudest = Math.max(loudest, meanOf(levels, begins + pulseFrom * on, begins + pulseTo * on) ?? loudest)
  return loudest
}

/** Groups that follow one another at the pattern's time with quiet between them. */
function longestChain(tone: Tone, groups: readonly Group[], pattern: Pattern, least: number): Chain | null {
  const chains: Chain[] = []
  for (const [index, group] of groups.entries()) {
    let chain: Chain = { cycles: 1, contrast: group.contrast, start: group.start }
    for (let before = 0; before < index; before++) {
      const [earlier, begun] = [groups[before], chains[before]]
      if (earlier === undefined || begun === undefined || !follows(tone, earlier, group, pattern, least)) continue
      const longer = { ...begun, cycles: begun.cycles + 1, contrast: Math.min(begun.contrast, group.contrast) }
      if (better(longer, chain)) chain = longer
    }
    chains.push(chain)
  }
  return chains.reduce<Chain | null>((best, chain) => (best === null || better(chain, best) ? chain : best), null)
}

/** Whether a group begins when the cycle after `earlier` must, and the pause between them is quiet. */
function follows({ levels }: Tone, earlier: Group, group: Group, pattern: Pattern, least: number): boolean {
  const { pulses, on, off, pause } = pattern
  const cycle = pulses * (on + off) - off + pause
  const pace = (group.start - earlier.start) / cycle
  if (Math.abs(pace - 1) > 0.12) return false
  const from = group.start - (pause - ringing) * pace
  const piece = on / 2
  const pieces = Math.floor((group.start - edge - from) / piece)
  const loudest = Math.min(earlier.level, group.level) - least
  const isQuiet = (_: unknown, index: number) =>
    (meanOf(levels, from + index * piece, from + (index + 1) * piece) ?? loudest) < loudest
  return Array.from({ length: pieces }, isQuiet).filter(quiet => quiet).length >= quietShare * pieces
}
