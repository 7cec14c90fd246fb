import type { Alert, Command, Recording } from '../../client/routes.js'

export type Value = number | boolean | string
export interface Reading {
  readonly value: Value
  /** Milliseconds since 1970, UTC. */
  readonly ts: number
}
/** By the names of fields. */
export type Latest = Readonly<Record<string, Reading>>

/** What homes tell live, each in a message under its own name. */
interface Told {
  readonly alert: Alert
  readonly command: Command
  readonly recording: Recording
}

type Json = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isValue = (value: unknown): value is Value => ['number', 'boolean', 'string'].includes(typeof value)

/** What an object has under a name of its own: a device may well say `constructor`, which every object has. */
export const ownIn = (object: Json, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined)

/** JSON that came over the wire; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a message of the hub tells, like `{"alert": …}`; null where it tells something else. */
export function toldIn<Name extends keyof Told>(name: Name, payload: string): Told[Name] | null {
  const message = parsed(payload)
  const said = isObject(message) ? message[name] : null
  return isObject(said) ? (said as Told[Name]) : null
}

const firstBelievable = Date.UTC(2020, 0, 1)
const ahead_ms = 5 * 60_000

/** Whether a time that a device has said is one that the hub goes by as well. */
export const isBelievable = (ts: unknown, now: number): ts is number =>
  typeof ts === 'number' && ts >= firstBelievable && ts <= now + ahead_ms

/** What a message of telemetry says, read as the hub reads it: a point or a batch, values nested or not. */
export function readingsOf(payload: string, now: number): { readonly field: string; readonly reading: Reading }[] {
  const message = parsed(payload)
  return (Array.isArray(message) ? message : [message]).filter(isObject).flatMap(point => {
    const inside = isObject(point.data) ? point.data : isObject(point.values) ? point.values : null
    const { ts: _, ...flat } = point
    const ts = timeOf(point, inside !== null, now)
    return [...fieldsOf(inside ?? (typeof point.ts === 'number' ? flat : point), '')].map(([field, value]) => ({
      field,
      reading: { value, ts },
    }))
  })
}

function timeOf({ ts, age }: Json, hasAge: boolean, now: number): number {
  const said = typeof ts !== 'number' && hasAge && typeof age === 'number' ? now - age : ts
  return isBelievable(said, now) ? said : now
}

function* fieldsOf(nested: Json, prefix: string): Generator<[string, Value]> {
  for (const [name, value] of Object.entries(nested)) {
    if (isObject(value)) yield* fieldsOf(value, `${prefix}${name}.`)
    else if (isValue(value)) yield [prefix + name, value]
  }
}

/** The newest of both for each field; the same object where nothing is newer. */
export function newest(known: Latest, more: Iterable<{ readonly field: string; readonly reading: Reading }>): Latest {
  let merged: Record<string, Reading> | null = null
  for (const { field, reading } of more) {
    const soFar = merged ?? known
    const before = Object.hasOwn(soFar, field) ? soFar[field] : undefined
    if (before && before.ts > reading.ts) continue
    merged ??= { ...known }
    merged[field] = reading
  }
  return merged ?? known
}
