import { z } from 'zod'
import { severities } from '../inbound.js'
import type { Source } from '../objects/objects.js'

const detection = z.strictObject({
  key: z.string().min(1).max(64).describe('The detector'),
  detected: z.boolean(),
  score: z.number().describe('0 to 1; 0.5 where its thresholds are just met'),
  severity: z.enum(severities).optional(),
  details: z.record(z.string(), z.unknown()),
})

/** What was heard in a recording. */
export const result = z.strictObject({
  format: z.string().max(32),
  rate: z.number().describe('Samples a second, as it was recorded'),
  channels: z.int(),
  seconds: z.number(),
  took_ms: z.number().describe('How long it took to listen to it'),
  detections: z.array(detection).max(100).describe('Of every detector that the home had enabled'),
})
export type Result = z.infer<typeof result>

export const fault = z.strictObject({ code: z.string().min(1).max(64), message: z.string().max(1024) })
export type Fault = z.infer<typeof fault>

/** What became of one attempt; with `again` another one may go better. */
export type Outcome = { readonly result: Result } | { readonly error: Fault; readonly again: boolean }

/** What a worker needs to know to listen to a recording. */
export interface Task {
  readonly content_type: string
  readonly bytes: number
  /** In hexadecimal; null where nobody knows. */
  readonly sha256: string | null
  readonly max_seconds: number
  readonly source: Source
  /** The detectors to run. */
  readonly models: readonly { readonly key: string; readonly thresholds: Readonly<Record<string, unknown>> }[]
}

/** A task that somebody has taken. */
export interface Job extends Task {
  readonly recording_id: string
  readonly receipt: string
  readonly attempt: number
}
