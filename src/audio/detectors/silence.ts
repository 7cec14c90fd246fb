import { z } from 'zod'
import type { Detector } from '../detector.js'
import { decibels } from '../spectra.js'

const frameSeconds = 0.1

const thresholds = z.strictObject({
  quiet_dbfs: z
    .number()
    .min(-120)
    .max(0)
    .default(-85)
    .describe('What is quieter is no room, dB re a sine of full scale: even still rooms rumble more'),
  seconds: z.number().min(0.1).max(3600).default(3).describe('How long it must be so quiet'),
})

/** The mean square of each frame about its mean, so that a converter stuck anywhere is as silent as one stuck at 0. */
function framesOf(samples: Float32Array, size: number): number[] {
  return Array.from({ length: Math.floor(samples.length / size) }, (_, index) => {
    const frame = samples.subarray(index * size, (index + 1) * size)
    const mean = frame.reduce((sum, sample) => sum + sample, 0) / size
    return frame.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / size
  })
}

/** A microphone that hears nothing: cut off, covered, or broken. No room is as quiet as that. */
export const silence: Detector<typeof thresholds> = {
  key: 'silence',
  title: 'Microphone hears nothing',
  severity: 'minor',
  thresholds,
  detect(samples, rate, { quiet_dbfs, seconds }) {
    const frames = framesOf(samples, Math.round(frameSeconds * rate))
    let [run, longest, ends_at] = [0, 0, 0]
    for (const [index, power] of frames.entries()) {
      run = decibels(2 * power) < quiet_dbfs ? run + 1 : 0
      if (run > longest) [longest, ends_at] = [run, index + 1]
    }
    const quiet = longest * frameSeconds
    const stuck = longest > 0 && frames.slice(ends_at - longest, ends_at).every(power => power < 1e-14)
    const starts_at = (ends_at - longest) * frameSeconds
    const details = { quiet_seconds: tenths(quiet), starts_at: tenths(starts_at), stuck }
    return { detected: tenths(quiet) >= seconds, score: Math.min(1, quiet / seconds / 2), details }
  },
}

const tenths = (value: number) => Math.round(value * 10) / 10
