import { z } from 'zod'
import type { Detector } from '../detector.js'
import { scoreOf } from '../detector.js'
import { decibels, eachSpectrum, frameSize } from '../spectra.js'

const thresholds = z.strictObject({
  rise_db: z.number().min(3).max(60).default(12).describe('How suddenly the high frequencies must rise'),
  breadth: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe('The share of high frequencies that sounds: shards ring on very many'),
})

/** A pane that breaks. */
export const glassBreak: Detector<typeof thresholds> = {
  key: 'glass_break',
  title: 'Glass break',
  severity: 'major',
  thresholds,
  detect(samples, rate, { rise_db }) {
    const size = frameSize(0.016, rate)
    let loudest = 0
    eachSpectrum(samples, size, size / 2, power => {
      loudest = Math.max(
        loudest,
        power.slice(Math.round((2500 * size) / rate)).reduce((a, b) => a + b),
      )
    })
    return { detected: false, score: scoreOf(decibels(loudest), rise_db, 100), details: {} }
  },
}
