import { deflateSync, inflateSync } from 'node:zlib'
import type { JsonObject } from './json.js'

/**
 * A block is samples of one device, packed: columns instead of rows, numbers as differences, deflated. What it holds is JSON (`Columns`). Three
 * values each 10 s take 1.2 bytes a value, where rows take 15.
 */

type Value = number | boolean | string

/** A sample as a block keeps it. Times in milliseconds since 1970. */
export interface BlockSample {
  readonly ts: number
  readonly received_at: number
  readonly data: Readonly<Record<string, Value>>
  readonly metadata: JsonObject | null
  readonly quality: 'received' | null
}

/** Numbers with so many decimals as differences, each of the integer that it is without its point; or values as they are. */
type Column = readonly [decimals: number, ...differences: number[]] | readonly [null, ...values: Value[]]

interface Columns {
  readonly ts: Column
  /** From a sample's time to when it was received. */
  readonly delay: Column
  /** Names of fields that occur together, and which of these each sample has. */
  readonly shapes: readonly (readonly string[])[]
  readonly shape: Column
  /** The values of each field, of the samples that have it. */
  readonly fields: readonly (readonly [name: string, Column])[]
  /** Of the samples that have some, by their index. */
  readonly metadata?: Readonly<Record<number, JsonObject>>
  readonly received?: readonly number[]
}

/** @param samples in order of time, at least one */
export function packBlock(samples: readonly BlockSample[]): Buffer {
  const shapes = new Map<string, number>()
  const values = new Map<string, Value[]>()
  const shape = samples.map(({ data }) => {
    for (const [name, value] of Object.entries(data)) {
      const known = values.get(name)
      if (known) known.push(value)
      else values.set(name, [value])
    }
    const names = JSON.stringify(Object.keys(data))
    const index = shapes.get(names) ?? shapes.size
    shapes.set(names, index)
    return index
  })
  const columns: Columns = {
    ts: columnOf(samples.map(({ ts }) => ts)),
    delay: columnOf(samples.map(({ ts, received_at }) => received_at - ts)),
    shapes: [...shapes.keys()].map(names => JSON.parse(names) as string[]),
    shape: columnOf(shape),
    fields: [...values].map(([name, all]) => [name, columnOf(all)] as const),
    ...(samples.some(({ metadata }) => metadata !== null)
      ? {
          metadata: Object.fromEntries(
            samples.flatMap(({ metadata }, i) => (metadata === null ? [] : [[i, metadata]])),
          ),
        }
      : {}),
    ...(samples.some(({ quality }) => quality !== null)
      ? { received: samples.flatMap(({ quality }, i) => (quality === null ? [] : [i])) }
      : {}),
  }
  return deflateSync(JSON.stringify(columns))
}

/** A block cannot be read, which SQLite would call corrupt. */
export class DamagedBlock extends Error {
  readonly code = 'SQLITE_CORRUPT'
}

/** @throws DamagedBlock */
export const unpackBlock = (data: Uint8Array): BlockSample[] => samplesOf(read(data))

function samplesOf(columns: Columns): BlockSample[] {
  const delays = valuesOf(columns.delay) as number[]
  const shapes = valuesOf(columns.shape) as number[]
  const received = new Set(columns.received)
  const left = new Map(columns.fields.map(([name, column]) => [name, { values: valuesOf(column), next: 0 }]))
  const fieldsOf = columns.shapes.map(names => names.map(name => ({ name, left: left.get(name) ?? nothing })))
  return timesOf(columns).map((ts, i) => {
    const data: Record<string, Value> = {}
    for (const { name, left } of fieldsOf[shapes[i] ?? 0] ?? []) data[name] = left.values[left.next++] ?? 0
    return {
      ts,
      received_at: ts + (delays[i] ?? 0),
      data,
      metadata: columns.metadata?.[i] ?? null,
      quality: received.has(i) ? 'received' : null,
    }
  })
}

const nothing = { values: [], next: 0 }

/** The values of one field, with their times, in order. @throws DamagedBlock */
export function fieldInBlock(data: Uint8Array, field: string): [ts: number, value: Value][] {
  const columns = read(data)
  const [, column] = columns.fields.find(([name]) => name === field) ?? []
  if (!column) return []
  const values = valuesOf(column)
  const has = columns.shapes.map(names => names.includes(field))
  const shapes = valuesOf(columns.shape) as number[]
  return timesOf(columns)
    .filter((_, i) => has[shapes[i] ?? 0])
    .map((ts, i) => [ts, values[i] ?? 0])
}

/** What is damaged does not have the checksum any more that a deflated stream ends with (RFC 1950). */
function read(data: Uint8Array): Columns {
  try {
    return JSON.parse(inflateSync(data).toString()) as Columns
  } catch (cause) {
    throw new DamagedBlock('a block of samples is damaged', { cause })
  }
}

const timesOf = ({ ts }: Columns) => valuesOf(ts) as number[]

const powers = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]

function columnOf(values: readonly Value[]): Column {
  const decimals = powers.findIndex(power => values.every(value => isExact(value, power)))
  if (decimals === -1) return [null, ...values]
  let before = 0
  return [
    decimals,
    ...(values as number[]).map(value => {
      const integer = Math.round(value * (powers[decimals] ?? 1))
      const difference = integer - before
      before = integer
      return difference
    }),
  ]
}

/** Whether a number comes back as it was. The difference of two such integers is exact too. */
const isExact = (value: Value, power: number) => {
  if (typeof value !== 'number') return false
  const integer = Math.round(value * power)
  return Math.abs(integer) < 2 ** 52 && Object.is(integer / power, value)
}

function valuesOf([decimals, ...values]: Column): Value[] {
  if (decimals === null) return values
  const power = powers[decimals] ?? 1
  let integer = 0
  return (values as number[]).map(difference => {
    integer += difference
    return integer / power
  })
}
