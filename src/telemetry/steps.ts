import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'

/** Samples that one query looks through, some 30 ms of a reader. */
const samplesAtOnce = 10_000

/**
 * Cuts a range of a device's samples into parts of at most 10,000, oldest first. A query over millions would keep the reader, which
 * everybody's logins and lists need, for seconds.
 */
export async function* stepsOf(db: Db, device_num: number, range: TimeRange): AsyncGenerator<TimeRange> {
  let { start_time } = range
  while (start_time < range.end_time) {
    const next = await db
      .selectFrom('telemetry')
      .select('ts')
      .where('device_num', '=', device_num)
      .where('ts', '>=', start_time)
      .where('ts', '<', range.end_time)
      .orderBy('ts')
      .limit(1)
      .offset(samplesAtOnce)
      .executeTakeFirst()
    const end_time = next?.ts ?? range.end_time
    yield { start_time, end_time }
    start_time = end_time
  }
}
