import { join } from 'node:path'
import type { AppendItem } from '../../src/store/append.js'
import { openForWriting } from '../../src/store/sqlite.js'
import type { Store } from '../../src/store/store.js'
import { databaseIn, makeDevices, openData } from './devices.js'
import { type Figure, median, type Options, rounds } from './figures.js'
import { messageOf, sampleAt } from './fill.js'
import { temporaryDirectory } from './processes.js'

const devices = 100
const perTransaction = 1000
/** Messages that wait for their commit: two batches of the store's and more. */
const underWay = 10_000

/** The append alone, group commits and all, beside raw inserts of the rows it writes; both with `synchronous=FULL`. */
export async function inserts({ quick }: Options): Promise<Figure[]> {
  const count = quick ? 50_000 : 300_000
  const [appended, raw]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < (quick ? 2 : 4); turn++) {
    const { path, remove } = await temporaryDirectory()
    const [ours, theirs] = [join(path, 'append'), join(path, 'raw')]
    const nums = await makeDevices(ours, devices)
    await makeDevices(theirs, devices)
    appended.push(await append(ours, messages(nums, count)))
    raw.push(insert(theirs, ours))
    await remove()
    console.log(`    append ${appended.at(-1)?.toFixed(0)} msg/s   raw inserts ${raw.at(-1)?.toFixed(0)} rows/s`)
  }
  const ratios = appended.map((rate, turn) => rate / (raw[turn] ?? 0))
  return [
    { name: 'append / raw inserts of the same rows', value: median(ratios), unit: '', note: rounds(ratios) },
    { name: 'append', value: median(appended), unit: 'msg/s' },
    { name: 'raw inserts, 1000 a transaction', value: median(raw), unit: 'rows/s' },
  ]
}

function messages(nums: readonly number[], count: number): AppendItem[] {
  const begins_at = Math.floor(Date.now() / 1000) * 1000 - (count / devices) * 1000
  return Array.from({ length: count }, (_, index) => {
    const ts = begins_at + Math.floor(index / devices) * 1000 + (index % devices)
    return messageOf(nums[index % devices] ?? 0, ts, sampleAt(index % devices, ts))
  })
}

/** @returns messages a second, from the first to the last commit */
async function append(data_dir: string, items: readonly AppendItem[]): Promise<number> {
  const store = await openData(data_dir, 'full')
  const begun = performance.now()
  await appendAll(store, items)
  const seconds = (performance.now() - begun) / 1000
  await store.checkpoint()
  await store.close()
  return items.length / seconds
}

async function appendAll(store: Store, items: readonly AppendItem[]): Promise<void> {
  let next = 0
  let stored = 0
  await new Promise<void>((resolve, reject) => {
    const more = () => {
      for (; next < items.length && next - stored < underWay; next++) {
        const item = items[next]
        if (item) store.append(item, settled)
      }
    }
    const settled = (error: Error | null, refused: string | null) => {
      if (error !== null || refused !== null) reject(error ?? new Error(`a message was refused: ${refused}`))
      stored++
      if (stored === items.length) resolve()
      else more()
    }
    more()
  })
}

/** @returns rows a second: those that the append has written, into an empty table of the same kind */
function insert(data_dir: string, from: string): number {
  const source = openForWriting(databaseIn(from), 'full')
  const names = ['device_num', 'ts', 'delay', 'shape_num', 'data', 'metadata', 'quality', 'message_id']
  const rows = source.prepare(`select ${names} from samples order by ts, device_num`).raw().all() as unknown[][]
  source.close()
  const db = openForWriting(databaseIn(data_dir), 'full')
  const one = db.prepare(`insert into samples (${names}) values (${names.map(() => '?')})`)
  const several = db.transaction((part: unknown[][]) => {
    for (const row of part) one.run(row)
  })
  const begun = performance.now()
  for (let at = 0; at < rows.length; at += perTransaction) several(rows.slice(at, at + perTransaction))
  const seconds = (performance.now() - begun) / 1000
  db.close()
  return rows.length / seconds
}
