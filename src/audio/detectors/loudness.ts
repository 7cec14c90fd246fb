import { z } from 'zod'
import { type Detector, scoreOf } from '../detector.js'

const thresholds = z.strictObject({
  peak: z.number().min(0).max(1).default(0.9).describe('The largest sample, full scale being 1'),
})

/** A clip that is too loud. */
export const loudness: Detector<typeof thresholds> = {
  key: 'loudness',
  title: 'Loud sound',
  severity: 'warning',
  thresholds,
  detect(samples, _, limits) {
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
    return { detected: peak >= limits.peak, score: scoreOf(peak, limits.peak, 1), details: { peak } }
  },
}
