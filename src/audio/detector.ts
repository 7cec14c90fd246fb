import type { z } from 'zod'
import type { Severity } from '../inbound.js'
import type { JsonObject } from '../json.js'

export interface Detection {
  readonly detected: boolean
  /** 0 to 1: how clearly it was heard, 0.5 where its thresholds are just met. */
  readonly score: number
  /** When this one weighs other than the detector's own severity. */
  readonly severity?: Severity
  /** What was measured: times in seconds from the clip's beginning, frequencies in Hz. */
  readonly details: JsonObject
}

/** Hears one kind of sound in a clip. It keeps nothing from one clip to the next. */
export interface Detector<T extends z.ZodObject = z.ZodObject> {
  readonly key: string
  readonly title: string
  /** Of the alert, unless the home has chosen another. */
  readonly severity: Severity
  /** It knows too little of a microphone to be on before a home says so. */
  readonly off?: true
  /** All with defaults: `thresholds.parse({})` are those of a home that chose none. */
  readonly thresholds: T
  /** @param samples one channel, full scale ±1, not changed; @param rate samples a second */
  detect(samples: Float32Array, rate: number, thresholds: z.output<T>): Detection | Promise<Detection>
}

/** A score from a measure that just suffices at `needed` and is beyond doubt at `sure`. */
export const scoreOf = (measure: number, needed: number, sure: number): number =>
  Math.min(1, Math.max(0, 0.5 + (0.5 * (measure - needed)) / (sure - needed)))
