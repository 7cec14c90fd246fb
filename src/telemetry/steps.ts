import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'
import { hourMs } from './rollup-rows.js'

/** How much one query looks through: some 30 ms of a reader. */
const samplesAtOnce = 10_000
const bytesAtOnce = 16 << 20

export type Order = 'asc' | 'desc'

/** The samples of one device in a range. */
export interface Part extends TimeRange {
  readonly device_num: number
}

/** Chosen samples: of rows, and of blocks, which may hold others as well. */
export interface Filter {
  readonly rows: RawBuilder<SqlBool>
  readonly blocks: RawBuilder<SqlBool>
}

export const everything: Filter = { rows: sql`true`, blocks: sql`true` }

interface Most {
  readonly samples: number
  readonly bytes: number
}

/** The blocks of a device that have a part in a range, in SQL: none is longer than an hour. */
export const blocksIn = ({ device_num, start_time, end_time }: Part) => sql`from sample_blocks
  where device_num = ${device_num} and end >= ${start_time} and end < ${end_time + hourMs} and start < ${end_time}`

/**
 * Where to cut a range of samples of several devices so that its first part, in an order, holds no more than that, though one sample or block of
 * each at least: their blocks overlap, and all of them would be read again for each sample that lies between where two of them begin. SQLite merges what the devices have, each in its own order already, and looks no further than the limit.
 * @returns the time before which the part ends, or from which on it begins when the order is `desc`; null when there is no need to cut
 */
export async function cutOf(
  db: Db,
  parts: readonly Part[],
  order: Order,
  filter: Filter,
  most: Most,
): Promise<number | null> {
  const each = parts.map(
    part => sql`select ts as start, ts as end, 1 as samples, octet_length(data) + ifnull(octet_length(metadata), 0) as bytes
      from samples where device_num = ${part.device_num} and ts >= ${part.start_time} and ts < ${part.end_time} and ${filter.rows}
      union all select start, end, samples, bytes ${blocksIn(part)} and ${filter.blocks}`,
  )
  const direction = sql.raw(order)
  // Of each device a block and a row may begin where the range does, and are no place to cut it.
  const looked = Math.max(most.samples, parts.length) + 1 + 2 * parts.length
  const range = rangeOf(parts)
  // What ends later is left out whole: a block is in both parts only where rows lie beside it.
  const [cut, isWithin] =
    order === 'asc' ? [sql`start`, sql`start > ${range.start_time}`] : [sql`end + 1`, sql`end + 1 < ${range.end_time}`]
  const { rows } = await sql<{
    cut: number
  }>`select ${cut} as cut from (select start, end, row_number() over way as number, sum(samples) over way - samples as before,
      sum(bytes) over way as held
      from (select * from (${sql.join(each, sql` union all `)}) order by end ${direction} limit ${looked})
      window way as (order by end ${direction} rows unbounded preceding))
    where ${isWithin} and (before >= ${most.samples} or (held > ${most.bytes} and before > 0))
      and (number > ${parts.length} or (start = end and held > ${most.bytes})) limit 1`.execute(db)
  return rows[0]?.cut ?? null
}

function rangeOf(parts: readonly Part[]): TimeRange {
  return {
    start_time: Math.min(...parts.map(part => part.start_time)),
    end_time: Math.max(...parts.map(part => part.end_time)),
  }
}

/**
 * Cuts a range of samples, of one device or of several, into parts of about so many, or of 16 MiB, in either order. A query over millions would keep
 * the reader, which everybody's logins and lists need, for seconds.
 */
export async function* stepsOf(
  db: Db,
  devices: number | readonly number[],
  { start_time, end_time }: TimeRange,
  order: Order = 'asc',
  samples = samplesAtOnce,
): AsyncGenerator<TimeRange> {
  const rest = { start_time, end_time }
  const most = { samples, bytes: bytesAtOnce }
  while (rest.start_time < rest.end_time) {
    const parts = [devices].flat().map(device_num => ({ device_num, ...rest }))
    const cut = await cutOf(db, parts, order, everything, most)
    if (order === 'asc') {
      const end_time = cut ?? rest.end_time
      yield { start_time: rest.start_time, end_time }
      rest.start_time = end_time
    } else {
      const start_time = cut ?? rest.start_time
      yield { start_time, end_time: rest.end_time }
      rest.end_time = start_time
    }
  }
}
