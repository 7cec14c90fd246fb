import { z } from 'zod'
import { type Detector, scoreOf } from '../detector.js'
import { type Burst, burstsIn } from './bursts.js'

const thresholds = z.strictObject({
  rise_db: z.number().min(3).max(60).default(10).describe('How far the high frequencies leap up'),
  breadth: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('The share of high frequencies that sounds: shards ring on very many'),
  unrest_db: z
    .number()
    .min(1)
    .max(20)
    .default(5.1)
    .describe('How much these waver at most: what rings dies away evenly, noise leaps about'),
})

/**
 * What a burst must be to be a pane that breaks: a leap, mostly of high frequencies, that rings on very many of them and is over soon. Each
 * with the measure that just suffices and the one that leaves no doubt. What it is known from: noise wavers, alarms and cutlery ring on few.
 */
const scoreOfBurst = (burst: Burst, { rise_db, breadth, unrest_db }: z.output<typeof thresholds>) =>
  Math.min(
    scoreOf(burst.rise_db, rise_db, rise_db + 20),
    scoreOf(burst.breadth, breadth, breadth + 0.2),
    scoreOf(burst.unrest_db, unrest_db, unrest_db - 2),
    scoreOf(burst.share, 0.6, 0.8),
    scoreOf(burst.seconds, 0.12, 0.2),
    scoreOf(burst.seconds, 0.75, 0.5),
  )

/** A pane that breaks. */
export const glassBreak: Detector<typeof thresholds> = {
  key: 'glass_break',
  title: 'Glass break',
  severity: 'major',
  thresholds,
  detect(samples, rate, limits) {
    let [score, heard]: [number, Burst | null] = [0, null]
    for (const burst of burstsIn(samples, rate, limits.rise_db)) {
      const own = scoreOfBurst(burst, limits)
      if (heard === null || own > score) [score, heard] = [own, burst]
    }
    const details = heard === null ? {} : rounded(heard)
    return { detected: score >= 0.5, score, details }
  },
}

const rounded = (burst: Burst) =>
  Object.fromEntries(Object.entries(burst).map(([name, value]) => [name, Math.round(value * 100) / 100]))
