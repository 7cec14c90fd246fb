import type { Generated } from 'kysely'
import type { PresenceReason, PresenceStatus } from '../inbound.js'
import type { HomeRole } from '../principal.js'
import type { AlertTables } from './alert-tables.js'
import type { AudioTables } from './audio-tables.js'
import type { Json, Time } from './columns.js'
import type { CommandTables } from './command-tables.js'
import type { NotificationTables } from './notification-tables.js'
import type { RuleTables } from './rule-tables.js'
import type { SessionTables } from './session-tables.js'
import type { TelemetryTables } from './telemetry-tables.js'

export interface Tables
  extends AlertTables,
    AudioTables,
    CommandTables,
    NotificationTables,
    RuleTables,
    SessionTables,
    TelemetryTables {
  homes: {
    id: string
    name: string
    timezone: string
    /** How long telemetry is kept, where it is not as the hub is set up. */
    retention: Generated<string | null>
    /** The same of single fields. */
    retention_fields: Json<Record<string, string> | null>
    created_at: Time
    updated_at: Time
  }
  users: {
    id: string
    email: string
    username: string
    password_hash: string
    role: 'admin' | 'staff' | 'user'
    status: 'active' | 'inactive'
    /** Access tokens carry it: another one ends those that were given out before. */
    token_version: Generated<number>
    created_at: Time
    updated_at: Time
  }
  members: {
    user_id: string
    home_id: string
    role: HomeRole
    created_at: Time
  }
  rooms: {
    id: string
    home_id: string
    name: string
    created_at: Time
    updated_at: Time
  }
  device_groups: {
    id: string
    name: string
    description: string | null
    colour: string | null
    /** Who made it; null when that person is gone. */
    user_id: string | null
    created_at: Time
    updated_at: Time
  }
  group_devices: {
    group_id: string
    device_id: string
    created_at: Time
  }
  service_tokens: {
    id: string
    name: string
    /** SHA-256 of the secret part. */
    hash: Buffer
    /** Topic filters. */
    publish: Json<string[]>
    subscribe: Json<string[]>
    api: 'read' | 'write' | 'none'
    created_by: string
    created_at: Time
    expires_at: Time | null
    revoked_at: Time | null
    last_used_at: Time | null
    use_count: number
  }
  claim_codes: {
    id: string
    /** SHA-256 of the code. */
    hash: Buffer
    home_id: string
    room_id: string | null
    /** What the device is called, and of which type, where its owner has said so. */
    type: string | null
    name: string | null
    created_by: string
    created_at: Time
    expires_at: Time
    used_at: Time | null
    /** The device that was made with it. */
    device_id: string | null
  }
  /** Who did what, each row chained to the one before by its hash. Triggers refuse changes. */
  audit: {
    seq: number
    at: Time
    actor_kind: string
    actor_id: string | null
    address: string | null
    request_id: string | null
    /** E.g. `device.create`. */
    action: string
    /** Kind and id, e.g. `device/abc`. */
    target: string | null
    home_id: string | null
    outcome: 'done' | 'refused'
    /** How often the same happened in the minute that the row stands for. */
    times: number
    detail: Json<Record<string, unknown> | null>
    /** SHA-256 over the row and the hash before, in hexadecimal. */
    hash: string
  }
  /** A person's login, and all that descends from it. It takes its refresh tokens along when it ends. */
  sessions: {
    id: string
    user_id: string
    created_at: Time
    /** When a refresh token was last exchanged for the next; at first when the session began. */
    last_used_at: Time
    /** How often that was: a refresh token of a generation before is spent. */
    generation: number
    /** From where that was, and by which program, as far as it said. */
    address: string | null
    user_agent: string | null
  }
  refresh_tokens: {
    /** SHA-256 of the token. */
    hash: Buffer
    session_id: string
    generation: number
    expires_at: Time
  }
  devices: {
    num: Generated<number>
    id: string
    home_id: string
    room_id: string | null
    name: string
    type: string
    location: string | null
    status: 'active' | 'inactive' | 'maintenance'
    firmware_version: string | null
    model: string | null
    /** What the device last said of itself in `hello`. */
    hello: Json<Record<string, unknown> | null>
    /** Whether a change at the device itself ends a wish, or is undone. */
    twin_policy: Generated<'last_writer' | 'hub_wins'>
    /** How long its telemetry is kept, where it is not as in its home. */
    retention: Generated<string | null>
    /** The same of single fields. */
    retention_fields: Json<Record<string, string> | null>
    created_at: Time
    updated_at: Time
  }
  device_keys: {
    id: string
    device_id: string
    name: string
    /** SHA-256 of the secret part, which has 160 random bits. */
    hash: Buffer
    created_at: Time
    expires_at: Time | null
    revoked_at: Time | null
    last_used_at: Time | null
    use_count: number
  }
  presence: {
    device_id: string
    home_id: string
    status: PresenceStatus
    /** Null while it is online, and of a device that was heard without ever having had a connection. */
    reason: PresenceReason | null
    since: Time
    last_seen_at: Time
    session: number
    /** When it means to be back, as its last heartbeat said, and the milliseconds from that heartbeat until then. */
    wakes_at: Time | null
    next_in: number | null
  }
  /** Every change of presence; triggers write them with the change itself. */
  presence_changes: {
    id: Generated<number>
    device_id: string
    at: Time
    status: PresenceStatus
    reason: PresenceReason | null
    session: number
  }
  vitals: {
    device_id: string
    home_id: string
    received_at: Time
    vitals: Json<Record<string, unknown>>
  }
  heartbeats: {
    id: Generated<number>
    device_id: string
    home_id: string
    received_at: Time
    vitals: Json<Record<string, unknown>>
  }
  device_state: {
    device_id: string
    home_id: string
    reported: Json<Record<string, unknown>>
    reported_version: number
    reported_at: Time | null
    desired: Json<Record<string, unknown>>
    desired_version: number
    desired_at: Time | null
    /** Who wished last; `device` when a change at the device itself ended a wish. */
    desired_by: string | null
    /** Name → version and time with which it was last wished for. */
    wishes: Json<Record<string, [version: number, at: Time]>>
    /** The newest version that the device has acknowledged. */
    seen_version: number
  }
  /** Every change of a state; triggers write them with the change itself. */
  state_changes: {
    id: Generated<number>
    device_id: string
    part: 'reported' | 'desired'
    version: number
    at: Time
    by: string | null
    /** JSON Merge Patch from the version before to this one. */
    change: Json<Record<string, unknown>>
    /** The whole state, of every 64th version. */
    whole: Json<Record<string, unknown> | null>
  }
  /** Readings as they came: one row a message point. The device's row knows the home. */
  events: {
    id: Generated<number>
    device_id: string
    home_id: string
    /** `event`, or `alert/{key}`. */
    kind: string
    ts: Time
    received_at: Time
    data: Json<unknown>
    message_id: number | null
  }
  device_log: {
    id: Generated<number>
    device_id: string
    home_id: string
    received_at: Time
    level: string
    message: string
    message_id: number | null
  }
  quarantine: {
    id: string
    device_id: string
    home_id: string
    topic: string
    payload: Buffer
    /** A code for programs: `invalid_payload`, `unknown_topic`. */
    reason: string
    message: string
    received_at: Time
    replayed_at: Time | null
  }
  jobs: {
    name: string
    last_run_at: Time
    last_error: string | null
    duration_ms: number
  }
  /** The last probe of `/ready`: a row that is written to know that rows can be written. */
  probe: {
    id: number
    written_at: Time
  }
}
