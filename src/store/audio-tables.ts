import type { Generated } from 'kysely'
import type { Severity } from '../inbound.js'
import type { Json, Time } from './columns.js'

export interface AudioTables {
  /** Sound that a device has sent, or means to send, and what was heard in it. */
  recordings: {
    id: string
    device_id: string
    home_id: string
    content_type: string
    bytes: number
    /** In hexadecimal, where whoever sent it has said so. */
    sha256: string | null
    recorded_at: Time
    status: RecordingStatus
    created_at: Time
    /** Until when it may be uploaded. */
    upload_until: Time
    /** When it was last handed to the queue; null until then. */
    enqueued_at: Time | null
    settled_at: Time | null
    /** How often it was taken up. */
    attempts: Generated<number>
    /** For how many of its detections the alert has been raised. */
    alerted: Generated<number>
    result: Json<Record<string, unknown> | null>
    error: Json<{ code: string; message: string } | null>
    /** When the sound itself was deleted; the row stays. */
    deleted_at: Time | null
  }
  /** Work that is to be done at least once. */
  work: {
    id: string
    created_at: Time
    /** When it may be taken: until then it waits, or somebody is at work on it. */
    visible_at: Time
    attempts: Generated<number>
    /** Proves that somebody has taken it; null while nobody has. */
    receipt: string | null
    dead_at: Time | null
    reason: string | null
  }
  /** Where a home's detectors are not as they are by themselves. */
  model_config: {
    home_id: string
    model_key: string
    enabled: number
    thresholds: Json<Record<string, unknown>>
    severity: Severity | null
    updated_at: Time
  }
}

export const recordingStatuses = ['waiting', 'queued', 'done', 'failed'] as const
export type RecordingStatus = (typeof recordingStatuses)[number]
