import { maxPayloadBytes, PayloadFault } from '../json.js'
import type { AppendItem, AppendWriter, Told } from '../store/append.js'
import type { Database, Statement } from '../store/sqlite.js'
import { GoneFields } from './gone-fields.js'
import { Packing } from './packing.js'
import { maxAheadMs, type Point, parseTelemetry, type Value } from './payload.js'
import { Rollups } from './rollups.js'
import { type NewSample, Samples } from './samples.js'
import { Trimming } from './trimming.js'
import { Watch } from './watched.js'

/** The newest value of each field of a device, with its time, and how many fields there are. */
interface Latest {
  readonly fields: Record<string, [Value, number]>
  size: number
}
type Data = Readonly<Record<string, Value>>

/** Readings that are kept, and the time under which they are. */
interface Written {
  readonly data: Data
  readonly ts: number
}

/** How far back a retransmission is looked for, in milliseconds. */
const retransmissionMs = 10 * 60_000
/** How many of a device's last samples are looked through for it. */
const maxLately = 20_000
/** Fields remembered as "latest" for one device; readings of further fields are stored all the same. */
const maxLatestFields = 500
/** Fields of one device at one time, and characters in them, from however many messages: what is merged again and again must stay small. */
const maxFieldsAtOnce = 1000
const maxLengthAtOnce = maxPayloadBytes
/** Devices whose latest readings stay in memory between batches. */
const maxRemembered = 20_000
/** How long rollups may hold up what arrives. */
const workMs = 10

/**
 * The append of telemetry, run inside the writer thread. (device, ts) is one point: of a later duplicate only fields that the first
 * did not have are added (D8). Points without a time take the receive time, moved on to the next free millisecond where it is taken, but
 * no further ahead of the clock than a device's own times may be. A sample of an hour whose samples have been let go of is counted, and not kept,
 * and so are readings of fields that have been let go of alone.
 */
export function openAppendWriter(db: Database): AppendWriter {
  return new TelemetryWriter(db)
}

class TelemetryWriter implements AppendWriter {
  readonly #db: Database
  readonly #readLatest: Statement
  readonly #writeLatest: Statement
  readonly #latest = new Map<number, Latest>()
  readonly #lastUntimed = new Map<number, { readonly ts: number; readonly received_at: number }>()
  readonly #changed = new Set<number>()
  readonly #countLate: Statement
  readonly #samples: Samples
  readonly #rollups: Rollups
  readonly #packing: Packing
  readonly #trimming: Trimming
  readonly #gone: GoneFields
  readonly #watch = new Watch()

  constructor(db: Database) {
    this.#db = db
    this.#samples = new Samples(db)
    this.#rollups = new Rollups(db, this.#samples)
    this.#packing = new Packing(db, this.#samples)
    this.#trimming = new Trimming(db, this.#samples)
    this.#gone = new GoneFields(db)
    this.#countLate = db.prepare(
      `insert into telemetry_late (device_num, samples, at) values (?, 1, ?)
       on conflict (device_num) do update set samples = samples + 1, at = excluded.at`,
    )
    this.#readLatest = db.prepare('select latest from latest where device_num = ?').pluck()
    db.function('forget_latest', num => void this.#latest.delete(Number(num)))
    // Whoever deletes a row of "latest" through this connection makes it be read again.
    db.exec(
      `create temp trigger forget_latest after delete on main.latest begin select forget_latest(old.device_num); end`,
    )
    this.#writeLatest = db.prepare(
      'insert into latest (device_num, latest) values (?, ?) on conflict (device_num) do update set latest = excluded.latest',
    )
  }

  append(item: AppendItem): string | null {
    try {
      const points = mergeSameTimes(
        parseTelemetry(item.payload, item.received_at).filter(({ data }) => sizeOf(data) > 0),
      )
      const repeated = item.dup && this.#isRetransmission(item, points)
      this.#store(item, (repeated ? points.filter(isTimed) : points).sort(byTime))
      return null
    } catch (error) {
      if (error instanceof PayloadFault) return error.message
      throw error
    }
  }

  attend(to: unknown): void {
    this.#watch.attend(to)
  }

  takeTold(): Told | null {
    return this.#watch.take()
  }

  beforeCommit(): void {
    for (const num of this.#changed) this.#writeLatest.run(num, JSON.stringify(this.#latest.get(num)?.fields))
    this.#changed.clear()
    if (this.#latest.size > maxRemembered) this.#latest.clear()
    if (this.#lastUntimed.size > maxRemembered) this.#lastUntimed.clear()
  }

  work(): boolean {
    const now = Date.now()
    return this.#rollups.work(now, workMs) || this.#trimming.work(workMs) || this.#packing.work(now, workMs)
  }

  rolledBack(): void {
    this.#samples.forget()
    this.#watch.forget()
    this.#rollups.rolledBack()
    this.#packing.rolledBack()
    this.#trimming.rolledBack()
    this.#gone.forget()
    this.#latest.clear()
    this.#lastUntimed.clear()
    this.#changed.clear()
  }

  /** Whether every point without a time of its own is there under this message's identifier: a message is stored whole or not at all. */
  #isRetransmission({ device_num, message_id, received_at }: AppendItem, points: readonly Point[]): boolean {
    const untimed = points.filter(point => !isTimed(point))
    if (untimed.length === 0 || message_id === null) return false
    const since = Math.min(...untimed.map(({ ts }) => ts ?? received_at)) - retransmissionMs
    const all = untimed.map(({ data }) => data)
    return this.#samples.haveCome(device_num, { since, most: maxLately, message_id }, all)
  }

  /** A message is stored whole or not at all. */
  #store(item: AppendItem, points: readonly Point[]): void {
    const several = points.length > 1
    const last = this.#lastUntimed.get(item.device_num)
    if (several) this.#db.exec('savepoint message')
    this.#samples.beginMessage()
    try {
      const written: Written[] = []
      for (const point of points) {
        const data = this.#keptOf(item, point)
        if (data !== null) written.push({ data, ts: this.#write(item, point, data) })
      }
      this.#samples.endMessage()
      for (const { data, ts } of written) {
        this.#remember(item.device_num, data, ts)
        // What is imported is of the past, and nothing to be alarmed about.
        if (!item.strict) this.#watch.note(item.device_num, ts, item.received_at, data)
      }
    } catch (error) {
      // A grave fault has ended the transaction, and the savepoint with it.
      if (several && this.#db.inTransaction) this.#db.exec('rollback to message; release message')
      if (last) this.#lastUntimed.set(item.device_num, last)
      else this.#lastUntimed.delete(item.device_num)
      this.#samples.forget()
      this.#rollups.undone(item.device_num)
      throw error
    }
    if (several) this.#db.exec('release message')
  }

  /** What of a point has not come too late to be kept; null when that is nothing. */
  #keptOf({ device_num, received_at, strict }: AppendItem, point: Point): Data | null {
    const ts = point.ts ?? received_at
    const data = this.#rollups.isGone(device_num, ts) ? {} : this.#gone.kept(device_num, ts, point.data)
    if (data === point.data) return data
    if (strict) throw new PayloadFault('retention has let go of readings of that time')
    this.#countLate.run(device_num, received_at)
    return sizeOf(data) > 0 ? data : null
  }

  /** @returns the time under which the point is kept */
  #write(item: AppendItem, point: Point, data: Data): number {
    const { device_num, received_at } = item
    const { metadata, quality } = point
    const message_id = isTimed(point) ? null : item.message_id
    const sample: NewSample = { device_num, received_at, data, metadata, quality, message_id }
    const insert = (ts: number) => this.#samples.insert(ts, sample)
    if (point.ts !== null) {
      if (!insert(point.ts)) this.#addFields(device_num, point.ts, data)
      else this.#rollups.touch(device_num, point.ts)
      return point.ts
    }
    const ts = this.#nextFree(device_num, received_at, insert)
    this.#lastUntimed.set(device_num, { ts, received_at })
    this.#rollups.touch(device_num, ts)
    return ts
  }

  /** Inserts at the first free millisecond from the receive time on. @throws PayloadFault when that lies too far ahead of the clock */
  #nextFree(num: number, received_at: number, insert: (ts: number) => boolean): number {
    const last = this.#lastUntimed.get(num)
    // A clock that was set back begins anew.
    const after = last && last.received_at <= received_at ? last.ts + 1 : received_at
    let ts = Math.max(received_at, after)
    const most = received_at + maxAheadMs
    while (ts <= most && !insert(ts)) ts = this.#samples.firstFree(num, ts)
    if (ts > most) throw new PayloadFault('more readings without a time than there are milliseconds')
    return ts
  }

  #addFields(num: number, ts: number, data: Data): void {
    const known = this.#samples.read(num, ts)
    const merged = merge([known, data])
    if (sizeOf(merged) <= sizeOf(known)) return
    this.#samples.write(num, ts, merged)
    this.#rollups.touch(num, ts)
  }

  /** A late point fills history but never overwrites a newer latest; of two at one moment the first stands. */
  #remember(num: number, data: Data, ts: number): void {
    const latest = this.#latestOf(num)
    for (const key in data) {
      const value = data[key]
      const known = latest.fields[key]
      if (value === undefined || (known !== undefined && known[1] >= ts)) continue
      if (known === undefined && latest.size >= maxLatestFields) continue
      if (known === undefined) latest.size++
      latest.fields[key] = [value, ts]
      this.#changed.add(num)
    }
  }

  #latestOf(num: number): Latest {
    const known = this.#latest.get(num)
    if (known) return known
    const text = this.#readLatest.get(num) as string | undefined
    const fields = Object.assign(Object.create(null) as Latest['fields'], text ? JSON.parse(text) : {})
    const latest = { fields, size: Object.keys(fields).length }
    this.#latest.set(num, latest)
    return latest
  }
}

/** The device gave the time, so that a retransmission brings the same one. */
const isTimed = ({ ts, relative }: Point) => ts !== null && !relative

/** Those of one packed block come one after the other; what has no time behind what has one, in the order in which it was said. */
const byTime = (one: Point, other: Point) =>
  one.ts === other.ts ? 0 : (one.ts ?? Number.POSITIVE_INFINITY) - (other.ts ?? Number.POSITIVE_INFINITY)

const sizeOf = (data: Data) => Object.keys(data).length

/** What was said first of a field stands. @throws PayloadFault when that is too much */
function merge(all: readonly Data[]): Record<string, Value> {
  const merged: Record<string, Value> = {}
  let size = 0
  let length = 0
  for (const data of all) {
    for (const [key, value] of Object.entries(data)) {
      if (Object.hasOwn(merged, key)) continue
      if (++size > maxFieldsAtOnce) throw new PayloadFault(`more than ${maxFieldsAtOnce} keys at one time`)
      length += key.length + (typeof value === 'string' ? value.length : 0)
      if (length > maxLengthAtOnce) throw new PayloadFault(`more than ${maxLengthAtOnce} characters at one time`)
      merged[key] = value
    }
  }
  return merged
}

/** Points of one message that bear the same time are one point. */
function mergeSameTimes(points: Point[]): Point[] {
  if (points.length < 2) return points
  const byTime = new Map<number, Data[]>()
  const distinct = points.filter(({ ts, data }) => {
    const same = ts === null ? undefined : byTime.get(ts)
    if (ts !== null && !same) byTime.set(ts, [data])
    same?.push(data)
    return !same
  })
  if (distinct.length === points.length) return points
  return distinct.map(point => ({ ...point, data: merge((point.ts !== null && byTime.get(point.ts)) || [point.data]) }))
}
