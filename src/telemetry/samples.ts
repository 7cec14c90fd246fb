import { type BlockSample, packBlock } from '../blocks.js'
import { type JsonObject, PayloadFault } from '../json.js'
import type { Database, Statement } from '../store/sqlite.js'
import type { Value } from './payload.js'
import { type Block, bytesOf, most, piecesOf, readable } from './pieces.js'
import { hourMs } from './rollup-rows.js'
import { Shapes, type Written, without } from './shapes.js'

type Data = Readonly<Record<string, Value>>

/** Samples read at a time, some 5 ms. */
const samplesAtOnce = 2000
const maxRemembered = 20_000
/** Milliseconds in which a free one is looked for, one by one. */
const lookedThrough = 5000
/** Of blocks that one message is held against, some 100 ms; one that is written anew counts three times. */
const maxUnpacked = 2 << 20

export interface NewSample {
  readonly device_num: number
  readonly received_at: number
  readonly data: Data
  readonly metadata: JsonObject | null
  readonly quality: 'received' | null
  readonly message_id: number | null
}

interface Lately {
  readonly since: number
  readonly most: number
  readonly message_id: number
}

const keyOf = ({ shape_num, data }: Written) => `${shape_num} ${data}`

type Row = Written & { readonly ts: number }
type ColdRow = Row & Pick<BlockSample, 'received_at' | 'quality'> & { readonly metadata: string | null }

/**
 * Samples as the writer thread keeps them: in rows, and in blocks those of hours long over. Of a packed hour late samples lie in rows beside the
 * blocks, until it is packed again.
 */
export class Samples {
  readonly #shapes: Shapes
  readonly #insert: Statement
  readonly #read: Statement
  readonly #write: Statement
  readonly #firstFree: Statement
  readonly #newest: Statement
  readonly #lately: Statement
  readonly #rows: Statement
  readonly #coldRows: Statement
  readonly #removeRows: Statement
  readonly #hasBlocks: Statement
  readonly #blockFrom: Statement
  readonly #addBlock: Statement
  readonly #removeBlock: Statement
  /** The hour of each device's last sample, where it has no blocks. */
  readonly #plain = new Map<number, number>()
  #block: Block | null = null
  /** The block has samples that are not written yet. */
  #changed = false
  /** Bytes in blocks since a message began. */
  #unpacked = 0

  constructor(db: Database) {
    this.#shapes = new Shapes(db)
    this.#insert = db.prepare(
      `insert into samples (device_num, ts, delay, shape_num, data, metadata, quality, message_id) values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (device_num, ts) do nothing`,
    )
    this.#read = db.prepare('select shape_num, data from samples where device_num = ? and ts = ?')
    this.#write = db.prepare('update samples set shape_num = ?, data = ? where device_num = ? and ts = ?')
    this.#firstFree = db
      .prepare(
        `select ts + 1 from samples as known where device_num = ? and ts >= ? and ts < ? and not exists
         (select 1 from samples where device_num = known.device_num and ts = known.ts + 1) order by ts limit 1`,
      )
      .pluck()
    this.#newest = db.prepare('select max(ts) + 1 from samples where device_num = ?').pluck()
    this.#lately = db.prepare(
      `select shape_num, data, count(*) as count from samples where device_num = ? and ts >=
       (select min(ts) from (select ts from samples where device_num = ? and ts >= ? order by ts desc limit ?))
       and message_id = ? and data in (select value from json_each(?)) group by shape_num, data`,
    )
    this.#rows = db.prepare(
      `select ts, shape_num, data from samples where device_num = ? and ts >= ? and ts < ? order by ts limit ${samplesAtOnce}`,
    )
    this.#coldRows = db.prepare(
      `select ts, ts + delay as received_at, shape_num, data, metadata, quality from samples
       where device_num = ? and ts >= ? and ts < ? order by ts limit ?`,
    )
    this.#removeRows = db.prepare('delete from samples where device_num = ? and ts between ? and ?')
    this.#hasBlocks = db
      .prepare('select exists (select 1 from sample_blocks where device_num = ? and end >= ? and end < ?)')
      .pluck()
    this.#blockFrom = db.prepare(
      `select rowid as num, device_num, start, end, bytes, data from sample_blocks where device_num = ? and end >= ? and end < ?
       order by end limit 1`,
    )
    this.#addBlock = db.prepare(
      'insert into sample_blocks (device_num, start, end, samples, names, bytes, data) values (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#removeBlock = db.prepare('delete from sample_blocks where rowid = ?')
  }

  /** @returns whether there was none of this time yet */
  insert(ts: number, { device_num, received_at, data, metadata, quality, message_id }: NewSample): boolean {
    if (this.#packed(device_num, ts)) return false
    const written = this.#shapes.write(device_num, data)
    const more = metadata ? JSON.stringify(metadata) : null
    return (
      this.#insert.run(device_num, ts, received_at - ts, written.shape_num, written.data, more, quality, message_id)
        .changes === 1
    )
  }

  /** The readings of a sample that there is. */
  read(device_num: number, ts: number): Data {
    const packed = this.#packed(device_num, ts)
    return packed ? packed.data : this.#shapes.read(device_num, this.#read.get(device_num, ts) as Written)
  }

  /** Changes the readings of a sample that there is. */
  write(device_num: number, ts: number, data: Data): void {
    if (this.#packed(device_num, ts) && this.#block) {
      const { samples, bytes } = this.#block
      this.#block = { ...this.#block, samples: samples.map(one => (one.ts === ts ? { ...one, data } : one)) }
      if (!this.#changed) this.#unpack(2 * bytes)
      this.#changed = true
      return
    }
    const written = this.#shapes.write(device_num, data)
    this.#write.run(written.shape_num, written.data, device_num, ts)
  }

  /** A later millisecond than one that is taken, the next that may be free; where thousands are taken, one behind all of them. */
  firstFree(device_num: number, ts: number): number {
    if (this.#read.get(device_num, ts))
      return (this.#firstFree.get(device_num, ts, ts + lookedThrough) ?? this.#newest.get(device_num)) as number
    return (this.#packed(device_num, ts) ? (this.#block?.end ?? ts) : ts) + 1
  }

  /** Whether all these readings came in messages with this identifier since a time, among so many of the newest samples. */
  haveCome(device_num: number, { since, most, message_id }: Lately, all: readonly Data[]): boolean {
    const written = all.map(data => this.#shapes.write(device_num, data))
    const texts = JSON.stringify(written.map(({ data }) => data))
    const found = this.#lately.all(device_num, device_num, since, most, message_id, texts) as (Written & {
      count: number
    })[]
    const left = new Map(found.map(one => [keyOf(one), one.count]))
    return written.every(one => {
      const count = left.get(keyOf(one)) ?? 0
      left.set(keyOf(one), count - 1)
      return count > 0
    })
  }

  /**
   * Some of a device's samples of one hour, in order of time.
   * @returns where to go on, or null when these are the last ones
   */
  readOn(
    device_num: number,
    from: number,
    end: number,
  ): { samples: { ts: number; data: Data }[]; next: number | null } {
    const found = this.#rows.all(device_num, from, end) as Row[]
    const rows = found.map(row => ({ ts: row.ts, data: this.#shapes.read(device_num, row) }))
    const last = rows.length < samplesAtOnce ? null : (rows.at(-1)?.ts ?? null)
    const block = this.blockFrom(device_num, from, end)
    if (!block) return { samples: rows, next: last === null ? null : last + 1 }
    const until = Math.min(block.end, last ?? end)
    const samples = [...rows, ...block.samples].filter(({ ts }) => ts >= from && ts <= until)
    return { samples: samples.sort((one, other) => one.ts - other.ts), next: until + 1 }
  }

  /**
   * Takes fields out of some of a device's samples of one hour; one that has no other goes.
   * @returns where to go on, or null when these were the last ones
   */
  trim(device_num: number, from: number, end: number, names: ReadonlySet<string>): number | null {
    const rows = this.#rows.all(device_num, from, end) as Row[]
    const last = rows.length < samplesAtOnce ? null : (rows.at(-1)?.ts ?? null)
    const block = this.blockFrom(device_num, from, end)
    const until = Math.min(block?.end ?? end, last ?? end)
    for (const row of rows) if (row.ts <= until) this.#trimRow(device_num, row, names)
    if (block && block.end <= until) this.#trimBlock(block, names)
    return block || last !== null ? until + 1 : null
  }

  #trimRow(device_num: number, row: Row, names: ReadonlySet<string>): void {
    const data = this.#shapes.read(device_num, row)
    const left = without(data, names)
    if (left === null) this.removeRows(device_num, row.ts, row.ts)
    else if (left !== data) {
      const written = this.#shapes.write(device_num, left)
      this.#write.run(written.shape_num, written.data, device_num, row.ts)
    }
  }

  #trimBlock({ num, device_num, samples }: Block, names: ReadonlySet<string>): void {
    const left = samples.flatMap(sample => {
      const data = without(sample.data, names)
      return data === null ? [] : data === sample.data ? [sample] : [{ ...sample, data }]
    })
    if (left.length === samples.length && left.every((sample, i) => sample === samples[i])) return
    this.replaceBlock(num, device_num, left)
  }

  beginMessage(): void {
    this.#unpacked = 0
  }

  /** What has been changed in a block is written, once for all of a message that lies in it. */
  endMessage(): void {
    if (this.#changed && this.#block) this.replaceBlock(this.#block.num, this.#block.device_num, this.#block.samples)
  }

  /** @throws PayloadFault when a message has been held against too much */
  #unpack(bytes: number): void {
    if (this.#unpacked > maxUnpacked)
      throw new PayloadFault('readings of too many hours that are packed: send fewer at once')
    this.#unpacked += bytes
  }

  /** The first block that ends at a time or later, and before another. */
  blockFrom(device_num: number, from: number, end: number): Block | null {
    const row = this.#blockFrom.get(device_num, from, end) as (Omit<Block, 'samples'> & { data: Buffer }) | undefined
    if (!row) return null
    if (this.#block?.num !== row.num) {
      this.endMessage()
      const { data, ...block } = row
      this.#block = { ...block, samples: readable(data) }
    }
    return this.#block
  }

  /** The first rows of an hour, as many as fit into a block, but at least one. */
  coldRows(device_num: number, from: number, end: number): BlockSample[] {
    const found: ColdRow[] = []
    let bytes = 0
    for (const row of this.#coldRows.iterate(device_num, from, end, most.samples) as Iterable<ColdRow>) {
      bytes += row.data.length + (row.metadata?.length ?? 0)
      if (bytes > most.bytes && found.length > 0) break
      found.push(row)
    }
    return found.map(({ ts, received_at, metadata, quality, ...row }) => ({
      ts,
      received_at,
      data: this.#shapes.read(device_num, row),
      metadata: metadata === null ? null : JSON.parse(metadata),
      quality,
    }))
  }

  removeRows(device_num: number, first: number, last: number): void {
    this.#removeRows.run(device_num, first, last)
  }

  addBlock(device_num: number, samples: readonly BlockSample[], data = packBlock(samples)): void {
    const [start, end] = [samples.at(0)?.ts ?? 0, samples.at(-1)?.ts ?? 0]
    const names = [...new Set(samples.flatMap(sample => Object.keys(sample.data)))]
    const bytes = samples.reduce((sum, sample) => sum + bytesOf(sample), 0)
    this.#addBlock.run(device_num, start, end, samples.length, JSON.stringify(names), bytes, data)
    this.#plain.delete(device_num)
    this.#block = null
    this.#changed = false
  }

  /** Puts these samples in the place of a block, in more than one where they are too many. */
  replaceBlock(num: number, device_num: number, samples: readonly BlockSample[]): void {
    this.#removeBlock.run(num)
    this.#block = null
    for (const piece of piecesOf(samples)) this.addBlock(device_num, piece)
  }

  /** What was written may be undone. */
  forget(): void {
    this.#shapes.forget()
    this.#plain.clear()
    this.#block = null
    this.#changed = false
  }

  /** The sample of this time, if it is in a block. */
  #packed(device_num: number, ts: number): BlockSample | undefined {
    const hour = ts - (ts % hourMs)
    if (this.#plain.get(device_num) === hour) return undefined
    if (this.#hasBlocks.get(device_num, hour, hour + hourMs) === 0) {
      if (this.#plain.size >= maxRemembered) this.#plain.clear()
      this.#plain.set(device_num, hour)
      return undefined
    }
    const known = this.#block?.num
    const block = this.blockFrom(device_num, ts, hour + hourMs)
    if (block && block.num !== known) this.#unpack(block.bytes)
    return block?.samples.find(sample => sample.ts === ts)
  }
}
