import { decibels, eachSpectrum, frameSize } from '../spectra.js'

/** How a tone stands in each frame of a clip: sums over the frames before, so that any stretch is averaged by two look-ups. */
export interface Tone {
  readonly hz: number
  /** Of its level, dB. */
  readonly levels: Float64Array
  /** Of how far it stands out above its neighbourhood, dB. */
  readonly salience: Float64Array
}

/** Of the tones in one clip. */
interface Tones {
  readonly tones: readonly Tone[]
  readonly frames: number
  /** Frames a second. */
  readonly frame_rate: number
}

/** What is quieter counts as this, dB re full scale: otherwise what happens below hearing would count as rhythm. */
const floor = -100
/** A tone is this bin and its two neighbours, where a Hann window puts it; its neighbourhood lies this many bins away on both sides. */
const [nearest, farthest] = [4, 8]

/** What was found in a clip while it is there: two detectors look for tones, mostly in the same bands. */
const known = new WeakMap<Float32Array, { readonly where: string; readonly tones: Tones }>()

/** The level of every bin between the bounds of `bands`, in Hz, each 10 ms, seen through windows of 32 ms. */
export function tonesIn(samples: Float32Array, rate: number, bands: readonly (readonly [number, number])[]): Tones {
  const where = JSON.stringify([rate, bands])
  const before = known.get(samples)
  if (before?.where === where) return before.tones
  const tones = findTones(samples, rate, bands)
  known.set(samples, { where, tones })
  return tones
}

function findTones(samples: Float32Array, rate: number, bands: readonly (readonly [number, number])[]): Tones {
  const size = frameSize(0.032, rate)
  const hop = Math.round(rate / 100)
  const frames = Math.ceil(samples.length / hop)
  const bins = Array.from({ length: size / 2 - farthest }, (_, k) => k).filter(
    k => k >= farthest && bands.some(([low, high]) => (k * rate) / size >= low && (k * rate) / size <= high),
  )
  const tones = bins.map(k => ({
    hz: (k * rate) / size,
    levels: new Float64Array(frames + 1),
    salience: new Float64Array(frames + 1),
  }))
  eachSpectrum(samples, size, hop, (power, frame) => {
    for (const [index, { levels, salience }] of tones.entries()) {
      const k = bins[index] as number
      const level = Math.max(floor, decibels(sum(power, k - 1, k + 1)))
      const around = sum(power, k - farthest, k - nearest) + sum(power, k + nearest, k + farthest)
      const share = 3 / (2 * (farthest - nearest + 1))
      levels[frame + 1] = (levels[frame] as number) + level
      salience[frame + 1] = (salience[frame] as number) + level - Math.max(floor, decibels(around * share))
    }
  })
  return { tones, frames, frame_rate: rate / hop }
}

function sum(power: Float64Array, from: number, to: number): number {
  let total = 0
  for (let k = from; k <= to; k++) total += power[k] as number
  return total
}

/** The mean over the frames [from, to) of what the sums are of; null where the clip does not reach. */
export function meanOf(sums: Float64Array, from: number, to: number): number | null {
  const [first, end] = [Math.round(from), Math.max(Math.round(to), Math.round(from) + 1)]
  if (first < 0 || end >= sums.length) return null
  return ((sums[end] as number) - (sums[first] as number)) / (end - first)
}
