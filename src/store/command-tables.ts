import type { Generated } from 'kysely'
import type { Json, Time } from './columns.js'

export interface CommandTables {
  commands: {
    id: string
    device_id: string
    home_id: string
    name: string
    params: Json<Record<string, unknown>>
    status: CommandStatus
    collapse_key: string | null
    /** Commands of one order to a group share it. */
    batch_id: string | null
    issued_by: string
    issued_at: Time
    expires_at: Time
    sent_at: Time | null
    delivered_at: Time | null
    settled_at: Time | null
    attempt: number
    /** 0 to 100. */
    progress: number | null
    result: Json<unknown>
    error: Json<{ code: string; message: string } | null>
    /** What a caller marked the order with, so that it is given once however often it is sent. */
    idempotency_key: string | null
    /** Since when the device is asked not to run it, or to stop. */
    cancel_requested_at: Time | null
    /** The plan that it was given by. */
    schedule_id: string | null
    updated_at: Time
  }
  /** Commands to be given at a time, once or again and again. */
  command_schedules: {
    id: string
    /** One of the two. */
    device_id: string | null
    group_id: string | null
    name: string
    params: Json<Record<string, unknown>>
    ttl_seconds: number
    collapse_key: string | null
    /** Once, at this time; or by this cron line of five fields in this time zone. */
    at: Time | null
    cron: string | null
    timezone: string
    status: 'active' | 'paused' | 'done'
    /** Null while it is paused or when nothing is left to do. */
    next_at: Time | null
    last_at: Time | null
    last_error: string | null
    created_by: string
    created_at: Time
    updated_at: Time
  }
  /** Writes that carried an `Idempotency-Key`. */
  idempotency_keys: {
    /** Kind and id, e.g. `person/abc`. */
    actor: string
    key: string
    /** HMAC-SHA-256 over method, URL, `If-Match` and body. */
    fingerprint: string
    at: Time
    /** What was changed, and in which home. */
    target: string
    home_id: string | null
    /** The answer; null until it was given, and always null when it held a secret. */
    status: number | null
    body: string | null
    etag: string | null
  }
  /** Every step of a command; triggers write them with the step itself. */
  command_steps: {
    id: Generated<number>
    command_id: string
    device_id: string
    at: Time
    status: CommandStatus | 'cancel_requested'
    progress: number | null
    attempt: number
    /** 1; 0 for a result that came late or again, and changed nothing. */
    counted: number
  }
}

export const settledStatuses = [
  'succeeded',
  'failed',
  'rejected',
  'expired',
  'cancelled',
  'superseded',
  'unknown',
] as const
export const openStatuses = ['queued', 'sent', 'delivered', 'accepted', 'running'] as const
export type CommandStatus = (typeof settledStatuses)[number] | (typeof openStatuses)[number]
