import type { Database, Statement } from '../store/sqlite.js'
import type { Value } from './payload.js'

type Data = Readonly<Record<string, Value>>

/** Devices that are remembered. */
const maxRemembered = 20_000
const none: ReadonlyMap<string, number> = new Map()

/** The fields whose samples have been let go of before those of the others, as the writer thread knows them. */
export class GoneFields {
  readonly #read: Statement
  /** Of each device, by name, the time before which they are gone. */
  readonly #known = new Map<number, ReadonlyMap<string, number>>()

  constructor(db: Database) {
    this.#read = db.prepare('select name, raw_from from telemetry_fields where device_num = ? and raw_from > 0').raw()
    // Whoever changes that through this connection makes it be read again.
    db.function('fields_gone', num => void this.#known.delete(Number(num)))
    db.exec(`create temp trigger fields_gone after update of raw_from on main.telemetry_fields begin select fields_gone(new.device_num); end;
      create temp trigger fields_forgotten after delete on main.telemetry_fields begin select fields_gone(old.device_num); end`)
  }

  /** What of these readings can be kept: rollups stand for the rest, and they cannot take in one more. */
  kept(device_num: number, ts: number, data: Data): Data {
    const gone = this.#of(device_num)
    if (gone === none) return data
    const names = Object.keys(data)
    const left = names.filter(name => (gone.get(name) ?? 0) <= ts)
    return left.length === names.length ? data : Object.fromEntries(left.map(name => [name, data[name] ?? 0]))
  }

  /** What was read may be undone. */
  forget(): void {
    this.#known.clear()
  }

  #of(device_num: number): ReadonlyMap<string, number> {
    const known = this.#known.get(device_num)
    if (known) return known
    if (this.#known.size >= maxRemembered) this.#known.clear()
    const rows = this.#read.all(device_num) as [string, number][]
    const gone = rows.length > 0 ? new Map(rows) : none
    this.#known.set(device_num, gone)
    return gone
  }
}
