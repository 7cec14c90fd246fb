import type { Database, Statement } from '../store/sqlite.js'
import { joined, type Tally } from './tally.js'
import { calendarBuckets } from './windows.js'

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
/** How long after its end an hour is packed, and at the least after its last sample came: until then late ones cost nothing more. */
const coldMs = 24 * hourMs
const quietMs = hourMs

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
 * have been let go of; and closed, but to be given rollups by minute before its samples go.
 */
export const hourStates = {
  open: 0,
  closed: 1,
  closedWithMinutes: 2,
  gone: 3,
  goneWithMinutes: 4,
  minutesWanted: 5,
} as const

/** The rows of rollups, written inside the writer thread. */
export class RollupRows {
  readonly #insert: Readonly<Record<Resolution, Statement>>
  readonly #clear: Readonly<Record<Resolution, Statement>>
  readonly #fieldNum: Statement
  readonly #addField: Statement
  readonly #fields: Statement
  readonly #names: Statement
  readonly #setState: Statement
  readonly #forgetHour: Statement
  readonly #forgetDay: Statement
  readonly #addDay: Statement
  readonly #timezone: Statement
  readonly #isOpen: Statement
  readonly #hoursOf: Statement

  constructor(db: Database) {
    const each = (sql: (table: string) => string) => ({
      '1m': db.prepare(sql('rollups_1m')),
      '1h': db.prepare(sql('rollups_1h')),
      '1d': db.prepare(sql('rollups_1d')),
    })
    this.#insert = each(table => `insert into ${table} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#clear = each(
      table => `delete from ${table} where (device_num, field_num) in (select device_num, field_num from telemetry_fields where device_num = ?)
        and start >= ? and start < ?`,
    )
    this.#fieldNum = db.prepare('select field_num from telemetry_fields where device_num = ? and name = ?').pluck()
    this.#addField = db
      .prepare(
        `insert into telemetry_fields (device_num, name, field_num)
         select num, ?, (select ifnull(max(field_num), 0) + 1 from telemetry_fields where device_num = num)
         from (select ? as num) returning field_num`,
      )
      .pluck()
    this.#fields = db.prepare('select field_num from telemetry_fields where device_num = ?').pluck()
    this.#names = db.prepare('select name from telemetry_fields where device_num = ?').pluck()
    this.#setState = db.prepare('update telemetry_hours set state = ?, pack_at = ? where device_num = ? and start = ?')
    this.#forgetHour = db.prepare('delete from telemetry_hours where device_num = ? and start = ?')
    this.#forgetDay = db.prepare('delete from telemetry_days where device_num = ? and start <= ? and end > ?')
    this.#addDay = db.prepare('insert into telemetry_days (device_num, start, end) values (?, ?, ?)')
    this.#timezone = db
      .prepare('select timezone from devices join homes on homes.id = devices.home_id where devices.num = ?')
      .pluck()
    this.#isOpen = db
      .prepare(
        'select exists (select 1 from telemetry_hours where device_num = ? and start >= ? and start < ? and state = 0)',
      )
      .pluck()
    this.#hoursOf = db.prepare(
      'select * from rollups_1h where device_num = ? and field_num = ? and start >= ? and start < ? order by start',
    )
  }

  /** The fields that have been rolled up. */
  namesOf(device_num: number): ReadonlySet<string> {
    return new Set(this.#names.all(device_num) as string[])
  }

  /** What is told of the day around a moment is no longer so. */
  forgetDay(device_num: number, ts: number): void {
    this.#forgetDay.run(device_num, ts, ts)
  }

  /** Writes what an hour comes to, in the place of what was told of it before; and its day, when that is over and all of it is known. */
  close({ device_num, start, samples, fields }: Rolled, withMinutes: boolean, now: number): void {
    const end = start + hourMs
    this.#clear['1m'].run(device_num, start, end)
    this.#clear['1h'].run(device_num, start, end)
    for (const [name, { whole, minutes }] of fields) {
      const num = (this.#fieldNum.get(device_num, name) ?? this.#addField.get(name, device_num)) as number
      this.#write('1h', device_num, num, start, whole)
      if (withMinutes) for (const [minute, tally] of minutes) this.#write('1m', device_num, num, minute, tally)
    }
    if (samples === 0) this.#forgetHour.run(device_num, start)
    else {
      const state = withMinutes ? hourStates.closedWithMinutes : hourStates.closed
      this.#setState.run(state, Math.max(end + coldMs, now + quietMs), device_num, start)
    }
    this.#closeDay(device_num, start, now)
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
    if (this.#isOpen.get(device_num, day.start, day.end) === 1) return
    this.forgetDay(device_num, hour)
    this.#clear['1d'].run(device_num, day.start, day.end)
    for (const field_num of this.#fields.all(device_num) as number[]) {
      const hours = this.#hoursOf.all(device_num, field_num, day.start, day.end) as StoredTally[]
      if (hours.length > 0) this.#write('1d', device_num, field_num, day.start, joined(hours.map(tallyOf)))
    }
    this.#addDay.run(device_num, day.start, day.end)
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
