import type { Generated } from 'kysely'
import type { Json, Time } from './columns.js'

type Value = number | boolean | string
type Readings = Record<string, Value>

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
  /** Samples in rows. */
  samples: {
    device_num: number
    ts: Time
    /** Milliseconds from `ts` to when it was received. */
    delay: number
    /** Names the values of `data`; null where `data` has the names itself. */
    shape_num: number | null
    data: Json<Readings | Value[]>
    metadata: Json<Record<string, unknown> | null>
    quality: 'received' | null
    /** The packet identifier of an untimed QoS 1 or 2 message: how a retransmission after a restart is recognised (D8). */
    message_id: number | null
  }
  /** Fields that occur together in samples of a device. Numbers are counted from 0 for each device. */
  telemetry_shapes: {
    device_num: number
    shape_num: number
    names: Json<string[]>
  }
  /** Samples that are packed, see src/blocks.ts. */
  sample_blocks: {
    device_num: number
    /** The times of the first and the last one, which are in one hour. */
    start: Time
    end: Time
    samples: number
    /** Of the fields that occur. */
    names: Json<string[]>
    /** What they hold, as JSON. */
    bytes: number
    data: Uint8Array
  }
  /** All samples, as a view: for looking at a few. */
  telemetry: {
    device_num: number
    ts: Time
    received_at: Time
    data: Json<Readings>
    metadata: Json<Record<string, unknown> | null>
    quality: 'received' | null
    message_id: number | null
  }
  /** The hours that hold samples. */
  telemetry_hours: {
    device_num: number
    start: Time
    /** See rollup-rows.ts. */
    state: number
    /** When its samples are to be packed, once it is closed; null when they are packed, or deleted. */
    pack_at: Generated<Time | null>
  }
  /** The days whose rollups are what their samples say. */
  telemetry_days: {
    device_num: number
    start: Time
    end: Time
    /** Whether its rollups by hour are there (0), are going (1) or are gone (2). */
    state: Generated<number>
  }
  telemetry_fields: {
    device_num: number
    name: string
    field_num: number
    /** The hour before which its values are gone, and rollups stand for them. */
    raw_from: Generated<Time>
    /** The same of its rollups by minute. */
    minutes_from: Generated<Time>
    /** Before it its gone values are out of the samples. */
    trimmed_to: Generated<Time>
  }
  /** Samples that came when those of their hour, or of their field, were gone, and were not kept, or not whole. */
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
