import type { Json, Time } from './columns.js'

type Readings = Record<string, number | boolean | string>

/** What is known of a field in one minute, hour or day. */
interface Rollup {
  device_num: number
  field_num: number
  start: Time
  samples: number
  /** Of the numbers and booleans; the sums are made of these. */
  numbers: number
  sum: number
  min: number | null
  max: number | null
  /** JSON text. */
  first: string
  last: string
  increase: number
}

/** What devices measure. */
export interface TelemetryTables {
  telemetry: {
    device_num: number
    ts: Time
    received_at: Time
    data: Json<Readings>
    metadata: Json<Record<string, unknown> | null>
    quality: 'received' | null
    /** The packet identifier of an untimed QoS 1 or 2 message: how a retransmission after a restart is recognised (D8). */
    message_id: number | null
  }
  /** The hours that hold samples. */
  telemetry_hours: {
    device_num: number
    start: Time
    /** See rollup-rows.ts. */
    state: number
  }
  /** The days whose rollups are what their samples say. */
  telemetry_days: {
    device_num: number
    start: Time
    end: Time
  }
  telemetry_fields: {
    device_num: number
    name: string
    field_num: number
  }
  /** Samples that came when those of their hour were gone, and were not kept. */
  telemetry_late: {
    device_num: number
    samples: number
    at: Time
  }
  /** What the database held, about every hour. */
  storage_sizes: {
    at: Time
    bytes: number
  }
  rollups_1m: Rollup
  rollups_1h: Rollup
  rollups_1d: Rollup
  latest: {
    device_num: number
    /** field → [value, ts] */
    latest: Json<Record<string, [number | boolean | string, Time]>>
  }
}
