import type { Database, Statement } from '../store/sqlite.js'
import { joined, type Tally } from './tally.js'
import { calendarBuckets } from './windows.js'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
/** How long after its end an hour is packed, and at the least after its last sample came: until then late ones cost nothing more. */
const coldMs = 24 * hourMs
export const quietMs = 60 * minuteMs
/** Where summer time of two hours ends. */
export const longestDayMs = 26 * hourMs

/** Fields of one device that are rolled up. Further ones are answered from its samples: their rows would hold up what arrives. */
export const maxFields = 1000

/** What an hour's samples come to. */
interface Rolled {
  readonly device_num: number
  readonly start: number
  readonly samples: number
  readonly fields: ReadonlyMap<string, { readonly whole: Tally; readonly minutes: ReadonlyMap<number, Tally> }>
}

type Resolution = '1m' | '1h' | '1d'

/**
 * States of an hour: its rollups are not what its samples say; they are, by the hour; they are, by the minute too; the same two when the samples
 * have been let go of; closed, but to be given rollups by minute before its samples go; and gone but for its day. Of single fields samples and
 * minutes may be gone earlier (`raw_from`, `minutes_from` in telemetry_fields).
 */
export const hourStates = {
  open: 0,
  closed: 1,
  closedWithMinutes: 2,
  gone: 3,
  goneWithMinutes: 4,
  minutesWanted: 5,
  goneWithHours: 6,
} as const

/** A field as far as it is gone, see telemetry-tables.ts. */
interface Field {
  readonly field_num: number
  readonly raw_from: number
  readonly minutes_from: number
}

/** The rows of rollups, written inside the writer thread. */
export class RollupRows {
  readonly #insert: Readonly<Record<Resolution, Statement>>
  readonly #clear: Readonly<Record<Resolution, Statement>>
  readonly #field: Statement
  readonly #addField: Statement
  readonly #fields: Statement
  readonly #names: Statement
  readonly #setState: Statement
  readonly #forgetHour: Statement
  readonly #forgetDays: Statement
  readonly #addDay: Statement
  readonly #timezone: Statement
  readonly #isNoDay: Statement
  readonly #hoursOf: Statement
  readonly #keepsMinutes: Statement
  readonly #hasRollups: Statement

  constructor(db: Database) {
    const each = (sql: (table: string) => string) => ({
      '1m': db.prepare(sql('rollups_1m')),
      '1h': db.prepare(sql('rollups_1h')),
      '1d': db.prepare(sql('rollups_1d')),
    })
    this.#insert = each(table => `insert into ${table} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#clear = each(
      table => `delete from ${table} where (device_num, field_num) in (select device_num, field_num from telemetry_fields
        where device_num = ? and raw_from <= ?) and start >= ? and start < ?`,
    )
    this.#field = db.prepare(
      'select field_num, raw_from, minutes_from from telemetry_fields where device_num = ? and name = ?',
    )
    this.#addField = db.prepare(
      `insert into telemetry_fields (device_num, name, field_num)
       select num, ?, (select ifnull(max(field_num), 0) + 1 from telemetry_fields where device_num = num)
       from (select ? as num) returning field_num, raw_from, minutes_from`,
    )
    this.#fields = db.prepare('select field_num from telemetry_fields where device_num = ?').pluck()
    this.#names = db.prepare('select name from telemetry_fields where device_num = ?').pluck()
    this.#setState = db.prepare('update telemetry_hours set state = ?, pack_at = ? where device_num = ? and start = ?')
    this.#forgetHour = db.prepare('delete from telemetry_hours where device_num = ? and start = ?')
    this.#forgetDays = db.prepare(
      `delete from telemetry_days where device_num = $num and start > $start - ${longestDayMs} and start < $end and end > $start
       and state = 0`,
    )
    this.#addDay = db.prepare('insert into telemetry_days (device_num, start, end) values (?, ?, ?)')
    this.#timezone = db
      .prepare('select timezone from devices join homes on homes.id = devices.home_id where devices.num = ?')
      .pluck()
    // Of the days of two time zones one may stand alone for what the other holds.
    this.#isNoDay = db
      .prepare(
        `select exists (select 1 from telemetry_hours where device_num = $num and start >= $start and start < $end and state in (0, 6))
         or exists (select 1 from telemetry_days where device_num = $num and start > $start - ${longestDayMs} and start < $end
         and end > $start and state > 0)`,
      )
      .pluck()
    this.#hoursOf = db.prepare(
      'select * from rollups_1h where device_num = ? and field_num = ? and start >= ? and start < ? order by start',
    )
    this.#keepsMinutes = db
      .prepare(
        'select exists (select 1 from telemetry_fields where device_num = ? and raw_from > ? and minutes_from <= ?)',
      )
      .pluck()
    this.#hasRollups = db
      .prepare(
        `select exists (select 1 from telemetry_fields join rollups_1h using (device_num, field_num)
         where device_num = ? and raw_from > ? and start = ?)`,
      )
      .pluck()
  }

  /** The fields that have been rolled up. */
  namesOf(device_num: number): ReadonlySet<string> {
    return new Set(this.#names.all(device_num) as string[])
  }

  /** What is told of the day around a moment is no longer so. */
  forgetDay(device_num: number, ts: number): void {
    this.#forgetDays.run({ num: device_num, start: ts, end: ts + 1 })
  }

  /**
   * Writes what an hour comes to, in the place of what was told of it before; and its day, when that is over and all of it is known. Of fields whose
   * samples are gone what was told stands.
   */
  close(hour: Rolled, withMinutes: boolean, now: number): void {
    const { device_num, start, samples, fields } = hour
    const end = start + hourMs
    for (const resolution of ['1m', '1h'] as const) this.#clear[resolution].run(device_num, start, start, end)
    let written = 0
    const minutesToo = withMinutes || this.#keepsMinutes.get(device_num, start, start) === 1
    for (const [name, { whole, minutes }] of fields) {
      const { field_num, raw_from, minutes_from } = this.#fieldOf(device_num, name)
      if (raw_from > start) continue
      written++
      this.#write('1h', device_num, field_num, start, whole)
      if (!minutesToo || minutes_from > start) continue
      for (const [minute, tally] of minutes) this.#write('1m', device_num, field_num, minute, tally)
    }
    if (written > 0 || (samples > 0 && fields.size === 0) || this.#hasRollups.get(device_num, start, start) === 1) {
      const state = minutesToo ? hourStates.closedWithMinutes : hourStates.closed
      this.#setState.run(state, Math.max(end + coldMs, now + quietMs), device_num, start)
    } else this.#forgetHour.run(device_num, start)
    this.#closeDay(device_num, start, now)
  }

  #fieldOf(device_num: number, name: string): Field {
    return (this.#field.get(device_num, name) ?? this.#addField.get(name, device_num)) as Field
  }

  #write(resolution: Resolution, device_num: number, field_num: number, start: number, tally: Tally): void {
    const { samples, numbers, sum, min, max, first, last, increase } = tally
    const [least, most] = numbers > 0 ? [min, max] : [null, null]
    this.#insert[resolution].run(
      device_num,
      field_num,
      start,
      samples,
      numbers,
      finite(sum),
      least,
      most,
      first,
      last,
      finite(increase),
    )
  }

  /** A day of the home is made of its hours, where its midnights are on the hour. */
  #closeDay(device_num: number, hour: number, now: number): void {
    const timezone = (this.#timezone.get(device_num) ?? 'UTC') as string
    const [day] = calendarBuckets({ kind: 'calendar', unit: 'd', count: 1 }, timezone, hour, hour + 1)
    if (!day || day.end > now || day.start % hourMs !== 0 || day.end % hourMs !== 0) return
    const { start, end } = day
    const place = { num: device_num, start, end }
    if (this.#isNoDay.get(place) === 1) return
    this.#forgetDays.run(place)
    this.#clear['1d'].run(device_num, Number.MAX_SAFE_INTEGER, start, end)
    for (const field_num of this.#fields.all(device_num) as number[]) {
      const hours = this.#hoursOf.all(device_num, field_num, start, end) as StoredTally[]
      if (hours.length > 0) this.#write('1d', device_num, field_num, start, joined(hours.map(tallyOf)))
    }
    this.#addDay.run(device_num, start, end)
  }
}

type StoredTally = Omit<Tally, 'min' | 'max'> & { readonly min: number | null; readonly max: number | null }

const tallyOf = ({ min, max, ...rest }: StoredTally): Tally => ({
  min: min ?? Number.POSITIVE_INFINITY,
  max: max ?? Number.NEGATIVE_INFINITY,
  ...rest,
})

/** SQLite takes NaN, which infinities of both signs make, for null. */
const finite = (value: number) => (Number.isNaN(value) ? 0 : value)
