import { type BlockSample, packBlock } from '../blocks.js'
import type { Database, Statement } from '../store/sqlite.js'
import { hourMs, quietMs } from './rollup-rows.js'
import type { Samples } from './samples.js'

interface Cold {
  readonly device_num: number
  readonly start: number
}

/**
 * Packs hours long over, inside the writer thread: their rows become blocks, a block at a time. Each step by itself leaves every sample in one
 * place, so that nothing needs to be mended when the process dies.
 */
export class Packing {
  readonly #db: Database
  readonly #samples: Samples
  readonly #due: Statement
  readonly #isDue: Statement
  readonly #done: Statement
  readonly #held: Held
  #waiting: Cold[] = []

  constructor(db: Database, samples: Samples) {
    this.#db = db
    this.#samples = samples
    this.#due = db.prepare(
      `select device_num, start from telemetry_hours indexed by telemetry_hours_unpacked
       where pack_at <= $now and not (pack_at > $from and pack_at <= $to) and state in (1, 2) order by pack_at limit 1000`,
    )
    this.#isDue = db
      .prepare(
        'select exists (select 1 from telemetry_hours where device_num = ? and start = ? and pack_at <= ? and state in (1, 2))',
      )
      .pluck()
    this.#held = heldAt(db, Date.now())
    this.#done = db.prepare('update telemetry_hours set pack_at = null where device_num = ? and start = ?')
  }

  /**
   * Packs what has become cold, for so many milliseconds.
   * @param now milliseconds since 1970. @returns whether more waits
   */
  work(now: number, ms: number): boolean {
    const until = performance.now() + ms
    if (this.#waiting.length === 0) this.#waiting = this.#due.all({ now, ...this.#heldAt(now) }) as Cold[]
    if (this.#waiting.length === 0) return false
    const writing = this.#db.transaction(() => {
      while (performance.now() < until) {
        const hour = this.#waiting.at(-1)
        if (!hour) break
        if (this.#packSome(hour, now)) this.#waiting.pop()
      }
    })
    writing.immediate()
    return true
  }

  #heldAt(now: number): Held {
    return now < this.#held.to + quietMs ? this.#held : none
  }

  /** What was written is undone. */
  rolledBack(): void {
    this.#waiting = []
  }

  /** @returns whether the hour is done with */
  #packSome({ device_num, start }: Cold, now: number): boolean {
    // Late samples open it again, and it may be gone.
    if (this.#isDue.get(device_num, start, now) === 0) return true
    const end = start + hourMs
    const rows = this.#samples.coldRows(device_num, start, end)
    const [first] = rows
    if (!first || !this.#pack(device_num, first, rows, end)) {
      this.#done.run(device_num, start)
      return true
    }
    return false
  }

  /** Makes these rows a block, or part of the block that they lie in or before. @returns false when that would save nothing, or what is damaged would go */
  #pack(device_num: number, first: BlockSample, rows: readonly BlockSample[], end: number): boolean {
    const block = this.#samples.blockFrom(device_num, first.ts, end)
    const taken = block ? rows.filter(({ ts }) => ts <= block.end) : rows
    if (block?.samples.length === 0) return false
    if (block) {
      const merged = [...block.samples, ...taken].sort((one, other) => one.ts - other.ts)
      this.#samples.replaceBlock(block.num, device_num, merged)
    } else {
      const data = packBlock(taken)
      if (data.length >= sizeOfRows(taken)) return false
      this.#samples.addBlock(device_num, taken, data)
    }
    this.#samples.removeRows(device_num, first.ts, taken.at(-1)?.ts ?? first.ts)
    return true
  }
}

/** Beside its readings a row takes some 16 bytes, and a block's some 64. */
const sizeOfRows = (rows: readonly BlockSample[]) =>
  rows.reduce((sum, { data }) => sum + 16 + JSON.stringify(Object.values(data)).length, -64)

/** Hours that became due within this time, `from` excluded, in milliseconds since 1970, wait. */
interface Held {
  readonly from: number
  readonly to: number
}
const none: Held = { from: 0, to: 0 }

/**
 * What came when the last run ended may not have been evaluated by rules, which look for it among the rows when they begin: an hour that was closed
 * since then, and became due while the hub was away, is packed an hour later.
 */
function heldAt(db: Database, now: number): Held {
  const until = db
    .prepare('select until from rule_evaluation where exists (select 1 from alert_rules where enabled = 1)')
    .pluck()
    .get() as number | null | undefined
  return typeof until === 'number' ? { from: until + quietMs, to: now } : none
}
