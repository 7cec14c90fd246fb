import { z } from 'zod'
import type { Detector } from '../detector.js'
import { scoreOf } from '../detector.js'
import { decibels, eachSpectrum, frameSize } from '../spectra.js'

/** Of time weighting F, seconds (IEC 61672-1:2013). */
const fast = 0.125

const thresholds = z.strictObject({
  full_scale_db: z
    .number()
    .min(60)
    .max(180)
    .default(120)
    .describe('Sound level of a sine of full scale, dB: 120 for a microphone of -26 dBFS at 94 dB'),
  laeq_db: z.number().min(0).max(180).default(85).describe('Level over the whole clip, dB(A)'),
  lafmax_db: z.number().min(0).max(180).default(100).describe('Its loudest moment, time weighting F, dB(A)'),
  peak_db: z.number().min(0).max(180).default(120).describe('The largest sample, dB'),
})

/**
 * Power gain of A-weighting (IEC 61672-1:2013, annex E): 1 at 1 kHz, 2.00 dB being the
 * normalization.
 */
export function aWeighting(hz: number): number {
  const [f1, f2, f3, f4] = [20.6, 107.7, 737.9, 12_194].map(pole => pole ** 2) as [number, number, number, number]
  const square = hz ** 2
  const gain = (f4 * square ** 2) / ((square + f1) * Math.sqrt((square + f2) * (square + f3)) * (square + f4))
  return gain ** 2 * 10 ** 0.2
}

/** LAeq, LAFmax and the peak of a clip in dB re full scale, where a sine of full scale has 0 dB and a peak of 3.01 dB. */
export function measureLoudness(samples: Float32Array, rate: number) {
  const size = frameSize(0.064, rate)
  // At a quarter of the window the squares of all windows add up to the same everywhere, so no moment counts more than another.
  const hop = size / 4
  const weights = Float64Array.from({ length: size / 2 + 1 }, (_, k) => aWeighting((k * rate) / size))
  const share = 1 - Math.exp(-hop / rate / fast)
  let [sum, moment, loudest] = [0, 0, 0]
  eachSpectrum(samples, size, hop, power => {
    let weighted = 0
    for (let k = 0; k < power.length; k++) weighted += (power[k] as number) * (weights[k] as number)
    sum += weighted
    moment += share * (weighted - moment)
    loudest = Math.max(loudest, moment)
  })
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  return {
    laeq_db: decibels((2 * sum * hop) / Math.max(1, samples.length)),
    lafmax_db: decibels(2 * loudest),
    peak_db: decibels(2 * peak ** 2),
  }
}

/** A clip that is too loud. 85 dB(A) is the upper action value of Directive 2003/10/EC, where hearing must be protected. */
export const loudness: Detector<typeof thresholds> = {
  key: 'loudness',
  title: 'Loud sound',
  severity: 'warning',
  off: true,
  thresholds,
  detect(samples, rate, limits) {
    const measured = Object.entries(measureLoudness(samples, rate)).map(
      ([name, value]) => [name as keyof typeof limits, value + limits.full_scale_db] as const,
    )
    const excess = Math.max(...measured.map(([name, value]) => value - limits[name]))
    const details = Object.fromEntries(measured.map(([name, value]) => [name, Math.round(value * 10) / 10]))
    return { detected: excess >= 0, score: scoreOf(excess, 0, 20), details }
  },
}
