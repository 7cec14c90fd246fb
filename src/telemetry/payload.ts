import { isObject, type JsonObject, PayloadFault, parseJson } from '../json.js'

export type Value = number | boolean | string

/** One sample: everything a device said of one moment. */
export interface Point {
  /** Milliseconds since 1970; null when the device gave no time, and then the hub's receive time stands. */
  readonly ts: number | null
  readonly data: Record<string, Value>
  readonly metadata: JsonObject | null
  /** The device's time was beyond belief and was replaced. */
  readonly quality: 'received' | null
  /** The time is counted back from the moment of receiving, so a retransmission would bring another one. */
  readonly relative: boolean
}

const maxPoints = 1000
export const maxKeys = 100
/** Of the name of a field. */
export const maxKeyLength = 128
/** Earlier times are not believed. */
export const earliest = Date.UTC(2020, 0, 1)
/** How far ahead of the clock a time is believed, in milliseconds. */
export const maxAheadMs = 5 * 60_000

/**
 * Reads a telemetry payload in any of its shapes: plain readings, `{"ts","data","metadata"}`, `{"ts","values"}`, or a batch of these
 * with `ts` or `age`. Nested objects are flattened with `.`, nulls left out.
 * @param received_at milliseconds since 1970
 * @throws PayloadFault
 */
export function parseTelemetry(payload: Buffer, received_at: number): Point[] {
  const value = parseJson(payload)
  if (!Array.isArray(value)) return [pointOf(value, received_at)]
  if (value.length > maxPoints) throw new PayloadFault(`more than ${maxPoints} points`)
  return value.map(item => pointOf(item, received_at))
}

function pointOf(value: unknown, received_at: number): Point {
  if (!isObject(value)) throw new PayloadFault('a point must be an object')
  const wrapped = isObject(value.data) ? value.data : isObject(value.values) ? value.values : null
  const { ts, ...rest } = value
  const readings = wrapped ?? (typeof ts === 'number' ? rest : value)
  const data: Record<string, Value> = {}
  flatten(readings, '', data)
  return { data, metadata: wrapped ? metadataOf(value) : null, ...timeOf(value, wrapped !== null, received_at) }
}

function timeOf(point: JsonObject, wrapped: boolean, received_at: number): Pick<Point, 'ts' | 'quality' | 'relative'> {
  const { ts, age } = point
  if (wrapped && age !== undefined && age !== null && (typeof age !== 'number' || age < 0))
    throw new PayloadFault('age must be a number of milliseconds, 0 or more')
  if (typeof ts === 'number') {
    const believable = ts >= earliest && ts <= received_at + maxAheadMs
    // An import says so of a sample that had no time of its own before it was exported.
    const quality = wrapped && point.quality === 'received' ? 'received' : null
    return believable
      ? { ts: Math.trunc(ts), quality, relative: false }
      : { ts: null, quality: 'received', relative: false }
  }
  if (wrapped && ts !== undefined && ts !== null) throw new PayloadFault('ts must be a number of milliseconds')
  if (!wrapped || typeof age !== 'number') return { ts: null, quality: null, relative: false }
  const counted = Math.trunc(received_at - age)
  return counted >= earliest
    ? { ts: counted, quality: null, relative: true }
    : { ts: null, quality: 'received', relative: false }
}

function metadataOf({ metadata }: JsonObject): JsonObject | null {
  if (metadata === undefined || metadata === null) return null
  if (!isObject(metadata)) throw new PayloadFault('metadata must be an object')
  return metadata
}

function flatten(source: JsonObject, prefix: string, into: Record<string, Value>): void {
  for (const [name, value] of Object.entries(source)) {
    const key = checkedKey(prefix + name)
    if (value === null) continue
    if (isObject(value)) flatten(value, `${key}.`, into)
    else into[key] = checkedValue(key, value)
  }
  if (prefix === '' && Object.keys(into).length > maxKeys)
    throw new PayloadFault(`more than ${maxKeys} keys in a point`)
}

function checkedKey(key: string): string {
  if (key.length === 0 || key.length > maxKeyLength)
    throw new PayloadFault(`a key must have 1 to ${maxKeyLength} characters`)
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) < 0x20) throw new PayloadFault('a key holds a control character')
  }
  return key
}

function checkedValue(key: string, value: unknown): Value {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value
  throw new PayloadFault(`${key} must be a number, a boolean, a string or null`)
}
