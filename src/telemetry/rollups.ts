import type { Database, Statement } from '../store/sqlite.js'
import type { Value } from './payload.js'
import { hourMs, hourStates, longestDayMs, maxFields, minuteMs, RollupRows } from './rollup-rows.js'
import type { Samples } from './samples.js'
import { Tallying } from './tally.js'

/** How long after its end an hour is waited for, in milliseconds. */
const graceMs = minuteMs
/** An hour with fewer samples has no rollups by minute while it has samples: they would take more room than what they stand for. */
const denseHour = 600
const maxRemembered = 20_000

const hourOf = (ts: number) => ts - (ts % hourMs)

interface Due {
  readonly device_num: number
  readonly start: number
  readonly state: number
}

interface Field {
  readonly whole: Tallying
  readonly minutes: Map<number, Tallying>
}

/** A device's hour that is just being rolled up. */
class Hour {
  readonly device_num: number
  readonly start: number
  readonly fields = new Map<string, Field>()
  /** From where on samples are still to be read. */
  from: number
  samples = 0
  /** A sample has come or gone meanwhile. */
  stale = false
  readonly #minutes_wanted: boolean
  /** The fields that the device had before. */
  readonly #known: ReadonlySet<string>
  #more = 0

  constructor({ device_num, start, state }: Due, known: ReadonlySet<string>) {
    this.device_num = device_num
    this.start = start
    this.from = start
    this.#minutes_wanted = state === hourStates.minutesWanted
    this.#known = known
  }

  get withMinutes(): boolean {
    return this.#minutes_wanted || this.samples >= denseHour
  }

  add(ts: number, data: Readonly<Record<string, Value>>): void {
    this.samples++
    const minute = ts - (ts % minuteMs)
    for (const [name, value] of Object.entries(data)) {
      const field = this.fields.get(name) ?? this.#begin(name)
      if (!field) continue
      field.whole.add(value)
      let tallying = field.minutes.get(minute)
      if (!tallying) {
        tallying = new Tallying()
        field.minutes.set(minute, tallying)
      }
      tallying.add(value)
    }
  }

  /** @returns null for one field too many */
  #begin(name: string): Field | null {
    if (!this.#known.has(name) && this.#known.size + ++this.#more > maxFields) return null
    const field = { whole: new Tallying(), minutes: new Map<number, Tallying>() }
    this.fields.set(name, field)
    return field
  }
}

/**
 * Rollups, kept inside the writer thread. The transaction that stores a sample opens the sample's hour again, and a query takes what is in
 * open hours from the samples; so answers are exact at every moment, whatever comes late and whenever the process dies. Hours that are over are
 * rolled up from their samples and closed, a little at a time.
 */
export class Rollups {
  readonly #db: Database
  readonly #rows: RollupRows
  readonly #open: Statement
  readonly #isGone: Statement
  readonly #due: Statement
  readonly #samples: Samples
  /** The hour that each device's last sample is in, which is open. */
  readonly #opened = new Map<number, number>()
  #hour: Hour | null = null
  #waiting: Due[] = []

  constructor(db: Database, samples: Samples) {
    this.#db = db
    this.#samples = samples
    this.#rows = new RollupRows(db)
    this.#open = db.prepare(
      `insert into telemetry_hours (device_num, start, state) values (?, ?, 0)
       on conflict (device_num, start) do update set state = 0 where state <> 0`,
    )
    this.#isGone = db
      .prepare(
        `select exists (select 1 from telemetry_hours where device_num = $num and start = $hour and state in (3, 4, 6))
         or exists (select 1 from telemetry_days where device_num = $num and start > $ts - ${longestDayMs} and start <= $ts and end > $ts
         and state > 0)`,
      )
      .pluck()
    this.#due = db.prepare(
      'select device_num, start, state from telemetry_hours where state in (0, 5) and start <= ? limit 1000',
    )
    // Who lets go of samples opens their hours, which may be half read.
    db.function('hour_opened', (device_num, start) => this.#touched(Number(device_num), Number(start)))
    db.exec(
      `create temp trigger hour_opened after update of state on main.telemetry_hours when new.state = 0
       begin select hour_opened(new.device_num, new.start); end`,
    )
  }

  /**
   * Whether rollups stand for samples of this hour, or of its whole day, that have been let go of: they cannot take in one more, which may be one
   * of those.
   */
  isGone(device_num: number, ts: number): boolean {
    const hour = hourOf(ts)
    return this.#opened.get(device_num) !== hour && this.#isGone.get({ num: device_num, hour, ts }) === 1
  }

  /** A sample is written, or gets more fields: in the same transaction its hour is opened. */
  touch(device_num: number, ts: number): void {
    const start = hourOf(ts)
    if (this.#opened.get(device_num) === start) return
    this.#open.run(device_num, start)
    this.#rows.forgetDay(device_num, ts)
    this.#opened.set(device_num, start)
    this.#touched(device_num, start)
  }

  /** What was written of a device is undone. */
  undone(device_num: number): void {
    this.#opened.delete(device_num)
  }

  rolledBack(): void {
    this.#opened.clear()
    this.#hour = null
    this.#waiting = []
  }

  /**
   * Rolls up hours that are over, for so many milliseconds.
   * @param now milliseconds since 1970. @returns whether more waits
   */
  work(now: number, ms: number): boolean {
    const until = performance.now() + ms
    if (this.#opened.size > maxRemembered) this.#opened.clear()
    if (!this.#hour && this.#waiting.length === 0) this.#waiting = this.#due.all(now - graceMs - hourMs) as Due[]
    if (!this.#hour && this.#waiting.length === 0) return false
    const writing = this.#db.transaction(() => {
      while (performance.now() < until) {
        const hour = this.#hour ?? this.#next()
        if (!hour) break
        this.#hour = this.#goOn(hour, now) ? null : hour
      }
    })
    writing.immediate()
    return true
  }

  /** An hour is not what it was when it began to be rolled up. */
  #touched(device_num: number, start: number): void {
    const hour = this.#hour
    if (hour?.device_num === device_num && hour.start === start) hour.stale = true
  }

  #next(): Hour | null {
    const next = this.#waiting.shift()
    if (!next) return null
    // The next sample in this hour opens it again
    if (this.#opened.get(next.device_num) === next.start) this.#opened.delete(next.device_num)
    return new Hour(next, this.#rows.namesOf(next.device_num))
  }

  /** @returns whether the hour is done with */
  #goOn(hour: Hour, now: number): boolean {
    if (hour.stale) return true
    const { samples, next } = this.#samples.readOn(hour.device_num, hour.from, hour.start + hourMs)
    for (const { ts, data } of samples) hour.add(ts, data)
    if (next !== null) {
      hour.from = next
      return false
    }
    this.#rows.close(hour, hour.withMinutes, now)
    return true
  }
}
