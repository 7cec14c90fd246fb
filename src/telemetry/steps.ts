import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'

/** Samples that one query looks through, some 30 ms of a reader. */
const samplesAtOnce = 10_000

/**
 * Cuts a range of a device's samples into parts of at most 10,000, in either order. A query over millions would keep the reader, which
 * everybody's logins and lists need, for seconds.
 */
export async function* stepsOf(
  db: Db,
  device_num: number,
  { start_time, end_time }: TimeRange,
  order: 'asc' | 'desc' = 'asc',
): AsyncGenerator<TimeRange> {
  const rest = { start_time, end_time }
  while (rest.start_time < rest.end_time) {
    const edge = await db
      .selectFrom('telemetry')
      .select('ts')
      .where('device_num', '=', device_num)
      .where('ts', '>=', rest.start_time)
      .where('ts', '<', rest.end_time)
      .orderBy('ts', order)
      .limit(1)
      // The first sample behind an ascending step, the last one within a descending step.
      .offset(order === 'asc' ? samplesAtOnce : samplesAtOnce - 1)
      .executeTakeFirst()
    if (order === 'asc') {
      const end_time = edge?.ts ?? rest.end_time
      yield { start_time: rest.start_time, end_time }
      rest.start_time = end_time
    } else {
      const start_time = edge?.ts ?? rest.start_time
      yield { start_time, end_time: rest.end_time }
      rest.end_time = start_time
    }
  }
}
