import { decibels, eachSpectrum, frameSize } from '../spectra.js'

/** A sound that begins at once. Of its high frequencies unless something else is said. */
export interface Burst {
  /** Seconds from the clip's beginning. */
  readonly at: number
  /** Above what was heard before, dB. */
  readonly rise_db: number
  /** Their part of its energy, 0 to 1. */
  readonly share: number
  /** How many of them sound, as a part of all: the exponential of the spectrum's entropy. */
  readonly breadth: number
  /** By how much a frequency that stands out changes from one frame to the next, dB. */
  readonly unrest_db: number
  /** Until nine tenths of its energy have been heard. */
  readonly seconds: number
}

/** High frequencies, Hz. */
const [low, high] = [2500, 7500]
/** Frames, of 8 ms: what counts as before, how long a burst may last, and which part of it shows its kind. */
const [before, longest] = [40, 150]
const [kindFrom, kindTo] = [4, 60]
/** Bursts begin so many frames apart. */
const apart = 8
/** Where nothing stands out, or what did is gone in the next frame, dB. */
const mostUnrest = 60
/** The bins below hold rumble and steps. */
const lowest = 2
/** What is not this many times as strong as before is not of the burst. */
const above = 2

interface Picture {
  /** Power of each frame and bin. */
  readonly frames: readonly Float32Array[]
  /** Power of each frame's high frequencies, dB. */
  readonly levels: readonly number[]
  readonly first: number
  readonly last: number
  readonly frame_rate: number
}

/** Every burst whose high frequencies leap by `rise_db` at least. */
export function* burstsIn(samples: Float32Array, rate: number, rise_db: number): Generator<Burst> {
  const picture = pictureOf(samples, rate)
  const { levels } = picture
  for (let start = 3, ready = 0; start < levels.length - kindFrom; start++) {
    if (start < ready) continue
    const usual = average(levels.slice(Math.max(0, start - before), start - 1))
    const leap = Math.max(...levels.slice(start, start + 3)) - usual
    if (leap < rise_db) continue
    ready = start + apart
    yield burstAt(picture, start, leap)
  }
}

function pictureOf(samples: Float32Array, rate: number): Picture {
  const size = frameSize(0.016, rate)
  const [first, last] = [Math.round((low * size) / rate), Math.min(size / 2 - 1, Math.round((high * size) / rate))]
  const frames: Float32Array[] = []
  const levels: number[] = []
  eachSpectrum(samples, size, size / 2, power => {
    frames.push(Float32Array.from(power))
    let sum = 0
    for (let k = first; k <= last; k++) sum += power[k] as number
    levels.push(decibels(sum))
  })
  return { frames, levels, first, last, frame_rate: (2 * rate) / size }
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function burstAt(picture: Picture, start: number, rise_db: number): Burst {
  const { frames, first, last, frame_rate } = picture
  const quiet = meanOf(frames.slice(Math.max(0, start - before), start - 1))
  const spectrum = new Float64Array(quiet.length)
  const energies: number[] = []
  for (const [index, frame] of frames.slice(start, start + longest).entries()) {
    const isKind = index >= kindFrom && index < kindTo
    let energy = 0
    for (let k = isKind ? lowest : first; k <= last; k++) {
      const power = (frame[k] as number) - above * (quiet[k] as number)
      if (power <= 0) continue
      if (k >= first) energy += power
      if (isKind) spectrum[k] = (spectrum[k] as number) + power
    }
    energies.push(energy)
  }
  const bright = spectrum.subarray(first, last + 1)
  return {
    at: start / frame_rate,
    rise_db,
    share: total(bright) / Math.max(1e-15, total(spectrum)),
    breadth: spread(bright) / bright.length,
    unrest_db: unrest(frames.slice(start + kindFrom, start + kindTo), quiet, first, last),
    seconds: mostBy(energies) / frame_rate,
  }
}

function meanOf(frames: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(frames[0]?.length ?? 0)
  for (const frame of frames)
    for (let k = 0; k < mean.length; k++) mean[k] = (mean[k] as number) + (frame[k] as number) / frames.length
  return mean
}

function total(powers: Float64Array): number {
  let sum = 0
  for (const power of powers) sum += power
  return sum
}

/** Over how many bins the power is spread. */
function spread(powers: Float64Array): number {
  const all = total(powers)
  if (all === 0) return 0
  return Math.exp(powers.reduce((sum, power) => sum - (power > 0 ? (power / all) * Math.log(power / all) : 0), 0))
}

/** How much the peaks of each frame's spectrum change until the next, the strong ones counting most, dB. */
function unrest(frames: readonly Float32Array[], quiet: Float64Array, first: number, last: number): number {
  let [changes, weights] = [0, 0]
  for (const [index, next] of frames.slice(1).entries()) {
    const frame = frames[index] ?? next
    for (let k = first; k <= last; k++) {
      const power = frame[k] as number
      const isPeak = power > (frame[k - 1] as number) && power > (frame[k + 1] as number)
      if (!isPeak || power <= 2 * above * (quiet[k] as number)) continue
      changes += power * Math.abs(decibels((next[k] as number) / power))
      weights += power
    }
  }
  return weights === 0 ? mostUnrest : Math.min(mostUnrest, changes / weights)
}

/** In which frame nine tenths of all are reached. */
function mostBy(powers: readonly number[]): number {
  const all = powers.reduce((sum, power) => sum + power, 0)
  let sum = 0
  return powers.findIndex(power => {
    sum += power
    return sum >= 0.9 * all
  })
}
