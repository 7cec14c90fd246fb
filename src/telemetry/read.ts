import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import { type BlockSample, unpackBlock } from '../blocks.js'
import { errorOf, failureOf } from '../store/failure.js'
import { fitting, heldIn } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Value } from './payload.js'
import type { TimeRange } from './readings.js'
import { named } from './shapes.js'
import { blocksIn, cutOf, everything, type Filter, type Order, type Part } from './steps.js'

export interface Sample extends BlockSample {
  readonly device_num: number
}

interface Asked {
  readonly order: Order
  readonly limit: number
  /** What the samples may hold together, in bytes of JSON. */
  readonly budget: number
  /** Only samples that have one of these. */
  readonly fields?: readonly string[] | undefined
}

interface Found {
  readonly samples: Sample[]
  /** What they hold together, in bytes of JSON. */
  readonly bytes: number
  /** Whether the range has more than these. */
  readonly more: boolean
}

/** The first samples of some devices in a range, in order of time and, at one time, of the devices' numbers. What they hold is measured before they are read. */
export async function readSamples(
  db: Db,
  parts: readonly Part[],
  { order, limit, budget, fields }: Asked,
): Promise<Found> {
  const filter = fields ? hasOneOf(fields) : everything
  const samples: Sample[] = []
  let bytes = 0
  for (let rest = parts; ; ) {
    const left = { samples: limit - samples.length, bytes: budget - bytes }
    const cut = await cutOf(db, rest, order, filter, { ...left, samples: Math.max(1, left.samples) })
    const found = await samplesOf(db, cut === null ? rest : before(rest, order, cut), order, filter)
    const chosen = fields ? found.filter(({ data }) => fields.some(field => Object.hasOwn(data, field))) : found
    const fit = fitting(chosen, left.samples, left.bytes)
    samples.push(...chosen.slice(0, fit.count))
    bytes += fit.bytes
    const more = fit.count < chosen.length || cut !== null
    if (cut === null || fit.count < chosen.length || samples.length === limit) return { samples, bytes, more }
    rest = behind(rest, order, cut)
  }
}

const before = (parts: readonly Part[], order: Order, cut: number) =>
  within(parts, order === 'asc' ? { end_time: cut } : { start_time: cut })
const behind = (parts: readonly Part[], order: Order, cut: number) =>
  within(parts, order === 'asc' ? { start_time: cut } : { end_time: cut })

const within = (parts: readonly Part[], { start_time = 0, end_time = Number.MAX_SAFE_INTEGER }: Partial<TimeRange>) =>
  parts.map(part => ({
    device_num: part.device_num,
    start_time: Math.max(part.start_time, start_time),
    end_time: Math.min(part.end_time, end_time),
  }))

/** A sample as its row has it: its time, when it was received, the number of its shape, its values, metadata, quality, and how much it holds. */
type Told = readonly [
  ts: number,
  received_at: number,
  shape_num: number | null,
  data: Record<string, Value> | readonly Value[],
  metadata: BlockSample['metadata'],
  quality: BlockSample['quality'],
  held: number,
]

/** All rows of a device at once: SQLite and the threads take a microsecond for each column of a row, and next to nothing for a long text. */
interface Rows {
  readonly device_num: number
  readonly data: readonly Told[]
  /** What the values are called, by the number of their shape. */
  readonly names: Readonly<Record<string, readonly string[]>>
  readonly block: null
}

interface BlockRow {
  readonly device_num: number
  readonly block: Uint8Array
  /** By each of its samples, on average. */
  readonly held: number
}

/** Blocks that are unpacked before others have their turn. */
const blocksAtOnce = 8

/** All samples in the range of each part, and those beside them that are in one block with them. */
async function samplesOf(
  db: Db,
  parts: readonly Part[],
  order: Order,
  filter: Filter,
): Promise<(Sample & { held: number })[]> {
  const each = parts.map(
    part => sql`select ${part.device_num} as device_num, json_group_array(json_array(ts, ts + delay, shape_num, json(data), json(metadata), quality,
        ${heldIn(['data', 'metadata'])})) as data, (select json_group_object(shape_num, json(names)) from telemetry_shapes
        where device_num = ${part.device_num}) as names, 0 as held, null as block
      from samples where device_num = ${part.device_num} and ts >= ${part.start_time} and ts < ${part.end_time} and ${filter.rows}
      having count(*) > 0
      union all select device_num, null, null, bytes / samples, data ${blocksIn(part)} and ${filter.blocks}`,
  )
  const { rows } = await sql<Rows | BlockRow>`${sql.join(each, sql` union all `)}`.execute(db)
  const ranges = new Map(parts.map(part => [part.device_num, part]))
  const isWithin = ({ device_num, ts }: Sample) => {
    const { start_time = 0, end_time = 0 } = ranges.get(device_num) ?? {}
    return ts >= start_time && ts < end_time
  }
  const sign = order === 'asc' ? 1 : -1
  const samples: (Sample & { held: number })[] = []
  let blocks = 0
  for (const row of rows) {
    // Unpacking takes a millisecond.
    if (row.block !== null && ++blocks % blocksAtOnce === 0) await setImmediate()
    for (const sample of row.block === null ? samplesOfRows(row) : samplesOfBlock(row))
      if (isWithin(sample)) samples.push(sample)
  }
  return samples.sort((one, other) => sign * (one.ts - other.ts || one.device_num - other.device_num))
}

const samplesOfRows = ({ device_num, data, names }: Rows) =>
  data.map(([ts, received_at, shape_num, values, metadata, quality, held]) => {
    const data = named(shape_num === null ? null : (names[shape_num] ?? null), values)
    return { device_num, ts, received_at, data, metadata, quality, held }
  })

const samplesOfBlock = ({ device_num, block, held }: BlockRow) =>
  unpacked(block).map(({ ts, received_at, data, metadata, quality }) => ({
    device_num,
    ts,
    received_at,
    data,
    metadata,
    quality,
    held,
  }))

function unpacked(block: Uint8Array): BlockSample[] {
  try {
    return unpackBlock(block)
  } catch (error) {
    throw errorOf(failureOf(error))
  }
}

/** Whether a sample, or one of a block, has one of these fields. */
function hasOneOf(fields: readonly string[]): Filter {
  const wanted = sql`(select value from json_each(${JSON.stringify(fields)}))`
  return {
    rows: sql`iif(shape_num is null, exists (select 1 from json_each(data) as field where field.key in ${wanted}),
      exists (select 1 from telemetry_shapes as shape, json_each(shape.names) as field
        where shape.device_num = samples.device_num and shape.shape_num = samples.shape_num and field.value in ${wanted}))`,
    blocks: sql`exists (select 1 from json_each(names) as field where field.value in ${wanted})`,
  }
}

/** The first names, in their order, of the fields that occur in a range, and of those that are in one block with them. */
export async function namesIn(db: Db, part: Part, most: number): Promise<string[]> {
  const rowsIn = sql`from samples where device_num = ${part.device_num} and ts >= ${part.start_time} and ts < ${part.end_time}`
  const { rows } = await sql<{ name: string }>`select name.value as name
      from telemetry_shapes as shape, json_each(shape.names) as name
      where device_num = ${part.device_num} and shape_num in (select shape_num ${rowsIn})
    union select field.key from (select data ${rowsIn} and shape_num is null) as bare, json_each(bare.data) as field
    union select name.value from (select names ${blocksIn(part)}) as block, json_each(block.names) as name
    order by 1 limit ${most}`.execute(db)
  return rows.map(({ name }) => name)
}
