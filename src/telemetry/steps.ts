import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'

/** Samples that one query looks through, some 30 ms of a reader. */
const samplesAtOnce = 10_000

export type Order = 'asc' | 'desc'

/** The samples of one device in a range. */
export interface Part extends TimeRange {
  readonly device_num: number
}

/**
 * Columns of the samples of several devices, in order of time and, at one time, of their numbers. SQLite merges the parts, each in its
 * own order already, and looks no further than the limit.
 * @param columns what to select, `device_num` and `ts` among them
 */
export function merged(parts: readonly Part[], columns: RawBuilder<unknown>, order: Order, filter = sql`true`) {
  const direction = sql.raw(order)
  const each = parts.map(
    ({ device_num, start_time, end_time }) => sql`select ${columns} from telemetry
      where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time} and ${filter}`,
  )
  return sql`select * from (${sql.join(each, sql` union all `)}) order by ts ${direction}, device_num ${direction}`
}

/**
 * Cuts a range of samples, of one device or of several, into parts of about 10,000, in either order. A query over millions would keep
 * the reader, which everybody's logins and lists need, for seconds.
 */
export async function* stepsOf(
  db: Db,
  devices: number | readonly number[],
  { start_time, end_time }: TimeRange,
  order: Order = 'asc',
): AsyncGenerator<TimeRange> {
  const rest = { start_time, end_time }
  while (rest.start_time < rest.end_time) {
    const parts = [devices].flat().map(device_num => ({ device_num, ...rest }))
    // The first sample behind an ascending step, the last one within a descending step.
    const offset = order === 'asc' ? samplesAtOnce : samplesAtOnce - 1
    const samples = merged(parts, sql`device_num, ts`, order)
    const { rows } = await sql<{ ts: number }>`${samples} limit 1 offset ${offset}`.execute(db)
    const edge = rows[0]?.ts
    if (order === 'asc') {
      const end_time = edge ?? rest.end_time
      yield { start_time: rest.start_time, end_time }
      rest.start_time = end_time
    } else {
      const start_time = edge ?? rest.start_time
      yield { start_time, end_time: rest.end_time }
      rest.end_time = start_time
    }
  }
}
