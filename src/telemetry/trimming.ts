import type { Database, Statement } from '../store/sqlite.js'
import { hourMs } from './rollup-rows.js'
import type { Samples } from './samples.js'

/** An hour of which fields are just being taken out. */
interface Trimmed {
  readonly device_num: number
  readonly start: number
  readonly names: ReadonlySet<string>
  /** From where on samples are still to be looked at. */
  from: number
}

/**
 * Takes fields that have been let go of out of the samples, inside the writer thread, some samples at a time. To do it twice changes nothing, so
 * that an hour that was broken off is begun anew.
 */
export class Trimming {
  readonly #db: Database
  readonly #samples: Samples
  readonly #due: Statement
  readonly #first: Statement
  readonly #names: Statement
  readonly #done: Statement
  readonly #doneAll: Statement
  #hour: Trimmed | null = null

  constructor(db: Database, samples: Samples) {
    this.#db = db
    this.#samples = samples
    this.#due = db
      .prepare(
        'select device_num from telemetry_fields indexed by telemetry_fields_untrimmed where trimmed_to < raw_from limit 1',
      )
      .pluck()
    this.#first = db
      .prepare(
        `select min((select start from telemetry_hours as hour where hour.device_num = field.device_num and start >= trimmed_to
         and start < raw_from order by start limit 1)) from telemetry_fields as field where device_num = ? and trimmed_to < raw_from`,
      )
      .pluck()
    this.#names = db
      .prepare('select name from telemetry_fields where device_num = ? and trimmed_to <= ? and raw_from > ?')
      .pluck()
    this.#done = db.prepare(
      `update telemetry_fields set trimmed_to = ? where device_num = ? and name in (select value from json_each(?))`,
    )
    this.#doneAll = db.prepare(
      'update telemetry_fields set trimmed_to = raw_from where device_num = ? and trimmed_to < raw_from',
    )
  }

  /** Goes on for so many milliseconds. @returns whether more waits */
  work(ms: number): boolean {
    const until = performance.now() + ms
    if (!this.#hour && this.#due.get() === undefined) return false
    const writing = this.#db.transaction(() => {
      while (performance.now() < until) {
        const device_num = this.#hour?.device_num ?? (this.#due.get() as number | undefined)
        if (device_num === undefined) break
        this.#hour ??= this.#next(device_num)
        if (!this.#hour) this.#doneAll.run(device_num)
        else if (this.#trimSome(this.#hour)) this.#hour = null
      }
    })
    writing.immediate()
    return true
  }

  /** What was written is undone. */
  rolledBack(): void {
    this.#hour = null
  }

  /** The first hour of a device that may hold what is gone. */
  #next(device_num: number): Trimmed | null {
    const start = this.#first.get(device_num) as number | null
    if (start === null) return null
    const names = new Set(this.#names.all(device_num, start, start) as string[])
    return { device_num, start, names, from: start }
  }

  /** @returns whether the hour is done with */
  #trimSome(hour: Trimmed): boolean {
    const { device_num, start, names, from } = hour
    const end = start + hourMs
    const next = this.#samples.trim(device_num, from, end, names)
    if (next === null) this.#done.run(end, device_num, JSON.stringify([...names]))
    else hour.from = next
    return next === null
  }
}
