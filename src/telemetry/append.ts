import { PayloadFault } from '../json.js'
import type { AppendItem, AppendWriter } from '../store/append.js'
import type { Database, Statement } from '../store/sqlite.js'
import { type Point, parseTelemetry, type Value } from './payload.js'

type Latest = Record<string, [Value, number]>

/** How far back a retransmission is looked for, in milliseconds. */
const retransmissionMs = 10 * 60_000
/** Fields remembered as "latest" for one device; readings of further fields are stored all the same. */
const maxLatestFields = 500
/** Devices whose latest readings stay in memory between batches. */
const maxRemembered = 20_000

/**
 * The append of telemetry, run inside the writer thread. (device, ts) is one point: of a later duplicate only fields that the first
 * did not have are added (D8). Points without a time take the receive time, moved on by a millisecond where it is taken.
 */
export function openAppendWriter(db: Database): AppendWriter {
  return new TelemetryWriter(db)
}

class TelemetryWriter implements AppendWriter {
  readonly #timed: Statement
  readonly #untimed: Statement
  readonly #retransmitted: Statement
  readonly #readLatest: Statement
  readonly #writeLatest: Statement
  readonly #latest = new Map<number, Latest>()
  readonly #lastUntimed = new Map<number, number>()
  readonly #changed = new Set<number>()

  constructor(db: Database) {
    const columns = '(device_num, ts, received_at, data, metadata, quality, message_id) values (?, ?, ?, ?, ?, ?, ?)'
    this.#timed = db.prepare(
      `insert into telemetry ${columns} on conflict (device_num, ts) do update set data = json_patch(excluded.data, data)
       where json_patch(excluded.data, data) <> data`,
    )
    this.#untimed = db.prepare(`insert into telemetry ${columns} on conflict (device_num, ts) do nothing`)
    this.#retransmitted = db.prepare(
      'select 1 from telemetry where device_num = ? and ts >= ? and message_id = ? and data = ? limit 1',
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
    let points: Point[]
    try {
      points = parseTelemetry(item.payload, item.received_at)
    } catch (error) {
      if (error instanceof PayloadFault) return error.message
      throw error
    }
    const written = points.filter(point => hasReadings(point.data))
    if (item.dup && this.#isRetransmission(item, written)) return null
    for (const point of written) this.#write(item, point)
    return null
  }

  beforeCommit(): void {
    for (const num of this.#changed) this.#writeLatest.run(num, JSON.stringify(this.#latest.get(num)))
    this.#changed.clear()
    if (this.#latest.size > maxRemembered) this.#latest.clear()
    if (this.#lastUntimed.size > maxRemembered) this.#lastUntimed.clear()
  }

  rolledBack(): void {
    this.#latest.clear()
    this.#lastUntimed.clear()
    this.#changed.clear()
  }

  /** A message is stored whole or not at all, so finding one of its points without a time of their own is finding the message. */
  #isRetransmission(item: AppendItem, points: readonly Point[]): boolean {
    const untimed = points.find(point => point.ts === null || point.relative)
    if (!untimed || item.message_id === null) return false
    const since = (untimed.ts ?? item.received_at) - retransmissionMs
    return this.#retransmitted.get(item.device_num, since, item.message_id, JSON.stringify(untimed.data)) !== undefined
  }

  #write(item: AppendItem, point: Point): void {
    const data = JSON.stringify(point.data)
    const metadata = point.metadata ? JSON.stringify(point.metadata) : null
    const given = point.ts
    if (given !== null) {
      const message_id = point.relative ? item.message_id : null
      this.#timed.run(item.device_num, given, item.received_at, data, metadata, point.quality, message_id)
      this.#remember(item.device_num, point.data, given)
      return
    }
    let ts = Math.max(item.received_at, (this.#lastUntimed.get(item.device_num) ?? 0) + 1)
    while (
      this.#untimed.run(item.device_num, ts, item.received_at, data, metadata, point.quality, item.message_id)
        .changes === 0
    )
      ts++
    this.#lastUntimed.set(item.device_num, ts)
    this.#remember(item.device_num, point.data, ts)
  }

  /** A late point fills history but never overwrites a newer latest; of two at one moment the first stands. */
  #remember(num: number, data: Readonly<Record<string, Value>>, ts: number): void {
    const latest = this.#latestOf(num)
    for (const key in data) {
      const value = data[key]
      const known = latest[key]
      if (value === undefined || (known !== undefined && known[1] >= ts)) continue
      if (known === undefined && Object.keys(latest).length >= maxLatestFields) continue
      latest[key] = [value, ts]
      this.#changed.add(num)
    }
  }

  #latestOf(num: number): Latest {
    const known = this.#latest.get(num)
    if (known) return known
    const text = this.#readLatest.get(num) as string | undefined
    const latest = Object.assign(Object.create(null) as Latest, text ? JSON.parse(text) : {})
    this.#latest.set(num, latest)
    return latest
  }
}

function hasReadings(data: Readonly<Record<string, Value>>): boolean {
  for (const _ in data) return true
  return false
}
