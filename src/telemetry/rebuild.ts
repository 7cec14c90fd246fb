import { openForWriting, type Sync } from '../store/sqlite.js'
import { Rollups } from './rollups.js'
import { Samples } from './samples.js'

/** How long one commit may take, in milliseconds. */
const atOnceMs = 200

/**
 * Makes all rollups anew from the samples, in a database that nobody else writes to. Hours whose samples are gone keep theirs.
 * @param onProgress is told how many hours are left
 * @returns how many hours there were
 */
export function rebuildRollups(file: string, sync: Sync, onProgress: (left: number) => void): number {
  const db = openForWriting(file, sync)
  try {
    db.exec(`begin immediate;
      insert into telemetry_hours (device_num, start, state)
        select device_num, ts - ts % 3600000, 0 from samples union select device_num, start - start % 3600000, 0 from sample_blocks where true
        on conflict (device_num, start) do update set state = 0 where state not in (3, 4, 6);
      delete from telemetry_days where state = 0 and exists (select 1 from telemetry_hours as hour
        where hour.device_num = telemetry_days.device_num and hour.start >= telemetry_days.start and hour.start < end and hour.state = 0);
      commit`)
    const open = db.prepare('select count(*) from telemetry_hours where state in (0, 5)').pluck()
    const hours = Number(open.get())
    const rollups = new Rollups(db, new Samples(db))
    while (rollups.work(Date.now(), atOnceMs)) onProgress(Number(open.get()))
    return hours
  } finally {
    db.close()
  }
}
