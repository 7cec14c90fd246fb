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

/** Frames from a group's beginning. */
interface Span {
  readonly from: number
  readonly to: number
}

interface Looks {
  /** Each in parts, for a pulse is on all the time. */
  readonly pulses: readonly (readonly Span[])[]
  readonly gaps: readonly Span[]
  /** The middle of the first pulse and of the second. */
  readonly first: readonly [Span, Span]
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
/** Frames of a pulse's part. */
const partFrames = 10
/** A pause is looked at in pieces a quarter as long as a pulse, of which one and this share may be loud: somebody may slam a door. */
const loudShare = 0.1
/** Frames at its beginning where the room still rings, and at its end where the next pulse may have begun, that are left out. */
const [ringing, edge] = [20, 5]

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
  const looks = looksAt(pattern)
  const found: Group[] = []
  for (let start = -Math.round(on + off); start + (pulses - 1) * (on + off) < frames; start++) {
    const group = groupAt(tone, start, looks)
    if (group === null || group.contrast < least) continue
    const last = found.at(-1)
    // What overlaps is the same group, seen from a little beside.
    if (last === undefined || start - last.start >= pulses * (on + off)) found.push(group)
    else if (group.contrast > last.contrast) found[found.length - 1] = group
  }
  return found
}

/** Where to look for a cycle's pulses and for quiet, also where one pulse more would stand, before the first and behind the last. */
function looksAt({ pulses, on, off }: Pattern): Looks {
  const at = (pulse: number, from: number, to: number) => ({
    from: pulse * (on + off) + from,
    to: pulse * (on + off) + to,
  })
  const count = Math.max(1, Math.round(((pulseTo - pulseFrom) * on) / partFrames))
  const edge = (part: number) => (pulseFrom + ((pulseTo - pulseFrom) * part) / count) * on
  const partsOf = (pulse: number) => Array.from({ length: count }, (_, part) => at(pulse, edge(part), edge(part + 1)))
  const numbers = Array.from({ length: pulses }, (_, pulse) => pulse)
  const gaps = [-1, ...numbers].map(pulse => at(pulse, on + gapFrom * off, on + gapTo * off))
  const middle = (pulse: number) => at(pulse, 0.4 * on, 0.6 * on)
  return {
    pulses: numbers.map(partsOf),
    gaps: [...gaps, ...partsOf(-1), ...partsOf(pulses)],
    first: [middle(0), middle(1)],
  }
}

function groupAt(tone: Tone, start: number, { pulses, gaps, first }: Looks): Group | null {
  // Most of a clip is no pulse at any pace.
  const seen = start < 0 ? first[1] : first[0]
  if ((meanOf(tone.salience, start + seen.from, start + seen.to) ?? 0) < leastSalience) return null
  let best: Group | null = null
  for (const pace of paces) {
    const level = quietest(tone, start, pulses, pace)
    if (level === null) continue
    const contrast = level - loudest(tone, start, gaps, pace)
    if (best === null || contrast > best.contrast) best = { start, contrast, level }
  }
  return best
}

/** The level of the quietest part of any pulse, dB; null when these are no such pulses. One pulse may lie outside the clip. */
function quietest({ levels, salience }: Tone, start: number, pulses: readonly (readonly Span[])[], pace: number) {
  let [least, most, unseen] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const parts of pulses)
    for (const { from, to } of parts) {
      const level = meanOf(levels, start + from * pace, start + to * pace)
      if (level === null) {
        unseen += 1 / parts.length
        continue
      }
      if ((meanOf(salience, start + from * pace, start + to * pace) ?? 0) < leastSalience) return null
      least = Math.min(least, level)
      most = Math.max(most, level)
    }
  return unseen > 1.01 || most - least > mostUneven ? null : least
}

function loudest({ levels }: Tone, start: number, gaps: readonly Span[], pace: number): number {
  let most = Number.NEGATIVE_INFINITY
  for (const { from, to } of gaps) most = Math.max(most, meanOf(levels, start + from * pace, start + to * pace) ?? most)
  return most
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
  const piece = on / 4
  const pieces = Math.floor((group.start - edge - from) / piece)
  const most = Math.min(earlier.level, group.level) - least
  const isLoud = (_: unknown, index: number) =>
    (meanOf(levels, from + index * piece, from + (index + 1) * piece) ?? most) >= most
  return Array.from({ length: pieces }, isLoud).filter(loud => loud).length <= 1 + loudShare * pieces
}
