import type { Database, Statement } from '../store/sqlite.js'
import type { Value } from './payload.js'

type Data = Readonly<Record<string, Value>>

/** Shapes of one device. Of a device with more, whose names change all the time, each further sample names its fields itself. */
const maxShapes = 64
/** Of the names of a shape, as JSON. More would fill the memory, at little gain. */
const maxNamesLength = 2000
/** Devices whose shapes stay in memory. */
const maxRemembered = 20_000

/** What a sample's row says of its readings. */
export interface Written {
  readonly shape_num: number | null
  readonly data: string
}

class DeviceShapes {
  /** By number. */
  readonly names: (readonly string[])[] = []
  readonly #numbers = new Map<string, number>()
  #last = 0

  add(names: readonly string[]): number {
    const num = this.names.push(names) - 1
    this.#numbers.set(JSON.stringify(names), num)
    return num
  }

  /** @returns undefined for names that are no shape yet */
  numberOf(names: readonly string[]): number | undefined {
    if (!isSame(this.names[this.#last], names)) {
      const num = this.#numbers.get(JSON.stringify(names))
      if (num === undefined) return undefined
      this.#last = num
    }
    return this.#last
  }
}

/** What names the fields of a device's samples, written once. Used inside the writer thread. */
export class Shapes {
  readonly #read: Statement
  readonly #insert: Statement
  readonly #known = new Map<number, DeviceShapes>()

  constructor(db: Database) {
    this.#read = db.prepare('select names from telemetry_shapes where device_num = ? order by shape_num').pluck()
    this.#insert = db.prepare('insert into telemetry_shapes (device_num, shape_num, names) values (?, ?, ?)')
  }

  /** How a sample is written; a shape that is new is written first. */
  write(device_num: number, data: Data): Written {
    const shapes = this.#of(device_num)
    const names = Object.keys(data)
    const num = shapes.numberOf(names) ?? this.#add(device_num, shapes, names)
    return num === null
      ? { shape_num: null, data: JSON.stringify(data) }
      : { shape_num: num, data: JSON.stringify(Object.values(data)) }
  }

  #add(device_num: number, shapes: DeviceShapes, names: readonly string[]): number | null {
    const text = JSON.stringify(names)
    if (shapes.names.length >= maxShapes || text.length > maxNamesLength) return null
    const num = shapes.add(names)
    this.#insert.run(device_num, num, text)
    return num
  }

  read(device_num: number, { shape_num, data }: Written): Data {
    const names = shape_num === null ? null : this.#of(device_num).names[shape_num]
    return named(names ?? null, JSON.parse(data))
  }

  /** What was written may be undone. */
  forget(): void {
    this.#known.clear()
  }

  #of(device_num: number): DeviceShapes {
    const known = this.#known.get(device_num)
    if (known) return known
    if (this.#known.size >= maxRemembered) this.#known.clear()
    const shapes = new DeviceShapes()
    for (const names of this.#read.all(device_num) as string[]) shapes.add(JSON.parse(names) as string[])
    this.#known.set(device_num, shapes)
    return shapes
  }
}

/** The readings of a row. @param names of its shape, in the order of the values; null when the readings have their names */
export function named(names: readonly string[] | null, data: Data | readonly Value[]): Data {
  if (!names || !Array.isArray(data)) return data as Data
  const readings: Record<string, Value> = {}
  for (const [i, name] of names.entries()) readings[name] = data[i] as Value
  return readings
}

/** Readings without some fields: the same ones when they have none of these, null when they have no other. */
export function without(data: Data, names: ReadonlySet<string>): Data | null {
  const all = Object.entries(data)
  const left = all.filter(([name]) => !names.has(name))
  if (left.length === all.length) return data
  return left.length === 0 ? null : Object.fromEntries(left)
}

const isSame = (known: readonly string[] | undefined, names: readonly string[]) =>
  known?.length === names.length && names.every((name, i) => name === known[i])
