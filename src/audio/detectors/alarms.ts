import { z } from 'zod'
import { type Detector, scoreOf } from '../detector.js'
import { findPattern, type Pattern } from './pattern.js'

/**
 * Temporal-three: half a second on, half a second off, three times, then a second and a half of quiet in all (ISO 8201:2017;
 * demanded of smoke alarms by UL 217 and of systems' detectors by UL 268).
 */
const temporalThree: Pattern = { pulses: 3, on: 0.5, off: 0.5, pause: 1.5 }
/** Temporal-four: four pulses of 100 ms, 100 ms apart, then 5 s of quiet (UL 2034; NFPA 72). */
const temporalFour: Pattern = { pulses: 4, on: 0.1, off: 0.1, pause: 5 }
/** Square waves for sleeping people, Hz: 520 within a tenth (NFPA 72; UL 217). */
const low = [468, 572] as const

const thresholds = z.strictObject({
  low_hz: z
    .number()
    .min(1000)
    .max(7000)
    .default(2700)
    .describe('Where sounders lie: from here, beside the 520 Hz of low ones'),
  high_hz: z.number().min(1000).max(7000).default(3900).describe('Where sounders lie: up to here'),
  contrast_db: z.number().min(3).max(60).default(6).describe('How far pulses stand out above the gaps between them'),
  cycles: z
    .int()
    .min(1)
    .max(10)
    .default(2)
    .describe('Whole cycles of the pattern that must be heard one after the other'),
})

function alarm(key: string, title: string, pattern: Pattern): Detector<typeof thresholds> {
  return {
    key,
    title,
    severity: 'critical',
    thresholds,
    detect(samples, rate, { low_hz, high_hz, contrast_db, cycles }) {
      const heard = findPattern(samples, rate, pattern, [low, [low_hz, high_hz]], contrast_db)
      if (heard === null) return { detected: false, score: 0, details: { cycles: 0 } }
      const detected = heard.cycles >= cycles
      const clear = scoreOf(heard.contrast, contrast_db, contrast_db + 20)
      const details = {
        cycles: heard.cycles,
        frequency_hz: Math.round(heard.hz),
        contrast_db: Math.round(heard.contrast * 10) / 10,
        starts_at: Math.round(heard.start * 10) / 10,
      }
      return { detected, score: detected ? clear : (0.5 * heard.cycles) / (cycles + 1), details }
    },
  }
}

export const smokeAlarm = alarm('smoke_alarm', 'Smoke alarm', temporalThree)
export const carbonMonoxideAlarm = alarm('co_alarm', 'Carbon monoxide alarm', temporalFour)
