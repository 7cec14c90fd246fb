import type { Database } from './sqlite.js'

/** One message for the append: what a device sent, not yet parsed. */
export interface AppendItem {
  readonly device_num: number
  /** Milliseconds since 1970. */
  readonly received_at: number
  /** The MQTT packet identifier; null at QoS 0 and over HTTP. */
  readonly message_id: number | null
  readonly dup: boolean
  /** Refuse it where a part of it could not be kept; else that part is counted, and the rest kept. */
  readonly strict?: boolean
  readonly payload: Buffer
}

/**
 * The hot write: a room's own code that runs inside the writer thread, so that parsing costs the event loop nothing (D2). The store
 * loads it by its address and knows nothing of what it writes.
 */
export interface AppendWriter {
  /** Writes one message inside the running transaction. Returns why it was not taken, or null. Throws only what SQLite throws. */
  append(item: AppendItem): string | null
  /** From now on it tells of what it writes what is asked for here, in terms that the store does not know. */
  attend(to: unknown): void
  /** What it has to tell of what it has written since this was last called; null when that is nothing. */
  takeTold(): Told | null
  /** Called before each commit with what else must be in it. */
  beforeCommit(): void
  /** Does for some milliseconds what can wait, in a transaction of its own. @returns whether more waits */
  work(): boolean
  /** Called when the transaction is gone: what was remembered of it is forgotten. */
  rolledBack(): void
}

/** What an append tells once it is committed: mostly numbers, which are handed over and not copied. */
export interface Told {
  readonly numbers: Float64Array<ArrayBuffer>
  readonly texts: readonly string[]
}

export type OpenAppendWriter = (db: Database) => AppendWriter

/** Many items in two transferable buffers: five numbers each, and the payloads end to end. */
export interface PackedItems {
  readonly numbers: Float64Array<ArrayBuffer>
  readonly payloads: Uint8Array<ArrayBuffer>
}

const fields = 5

export function packItems(items: readonly AppendItem[], bytes: number): PackedItems {
  const numbers = new Float64Array(items.length * fields)
  const payloads = new Uint8Array(bytes)
  let at = 0
  let end = 0
  for (const item of items) {
    numbers[at++] = item.device_num
    numbers[at++] = item.received_at
    numbers[at++] = item.message_id ?? -1
    numbers[at++] = (item.dup ? 1 : 0) + (item.strict ? 2 : 0)
    numbers[at++] = item.payload.length
    payloads.set(item.payload, end)
    end += item.payload.length
  }
  return { numbers, payloads }
}

export function* unpackItems({ numbers, payloads }: PackedItems): Generator<AppendItem> {
  const bytes = Buffer.from(payloads.buffer)
  let start = 0
  for (let at = 0; at < numbers.length; at += fields) {
    const message_id = numbers[at + 2] ?? -1
    const flags = numbers[at + 3] ?? 0
    const end = start + (numbers[at + 4] ?? 0)
    yield {
      device_num: numbers[at] ?? 0,
      received_at: numbers[at + 1] ?? 0,
      message_id: message_id < 0 ? null : message_id,
      dup: flags % 2 === 1,
      strict: flags >= 2,
      payload: bytes.subarray(start, end),
    }
    start = end
  }
}
