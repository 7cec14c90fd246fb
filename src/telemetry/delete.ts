import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'
import { hourMs } from './rollup-rows.js'
import { stepsOf } from './steps.js'

/** Rows that one statement deletes, some 10 ms of the writer: other writes get in between. */
const deletedAtOnce = 2000

const all: TimeRange = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER }

type Newest = ReadonlyMap<string, number>

/**
 * Deletes the samples of a range, in steps that let other writes in between. "Latest" forgets what is gone. Where rollups stand for samples that
 * were let go of earlier, those that lie wholly in the range are deleted.
 * @returns how many samples
 */
export async function deleteReadings(db: Db, device_num: number, range: TimeRange): Promise<number> {
  const deleted = await deleteRows(db, device_num, range)
  await deleteGoneHours(db, device_num, range)
  const gone = await forgetLatest(db, device_num, range)
  await recallLatest(db, device_num, await findNewest(db, device_num, gone))
  return deleted
}

/** Deletes every sample of a device, in steps, with its rollups and latest values. */
export async function deleteAllReadings(db: Db, device_num: number): Promise<void> {
  await deleteRows(db, device_num, all)
  for (const table of ['rollups_1m', 'rollups_1h', 'rollups_1d'] as const)
    await deleteRollups(db, device_num, table, all)
  for (const table of ['telemetry_hours', 'telemetry_days', 'telemetry_fields', 'telemetry_late', 'latest'] as const)
    await db.deleteFrom(table).where('device_num', '=', device_num).execute()
}

/** What samples were rolled up to that are gone. An hour's minutes are deleted before the hour is forgotten, so that no other can come in its place. */
async function deleteGoneHours(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<void> {
  const { rows } = await sql<{ start: number }>`select start from telemetry_hours where device_num = ${device_num}
    and start >= ${start_time} and start <= ${end_time - hourMs} and state in (3, 4)`.execute(db)
  if (rows.length === 0) return
  await sql`delete from telemetry_days where device_num = ${device_num} and start < ${end_time} and end > ${start_time}`.execute(
    db,
  )
  for (const { start } of rows) {
    const hour = { start_time: start, end_time: start + hourMs }
    for (const table of ['rollups_1m', 'rollups_1h'] as const) await deleteRollups(db, device_num, table, hour)
    await db.deleteFrom('telemetry_hours').where('device_num', '=', device_num).where('start', '=', start).execute()
  }
}

const deleteRollups = (
  db: Db,
  device_num: number,
  table: 'rollups_1m' | 'rollups_1h' | 'rollups_1d',
  { start_time, end_time }: TimeRange,
): Promise<number> =>
  inSteps(deletedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from ${sql.table(table)} where (device_num, field_num, start) in
      (select device_num, field_num, start from telemetry_fields cross join ${sql.table(table)} using (device_num, field_num)
      where device_num = ${device_num} and start >= ${start_time} and start < ${end_time} limit ${most})`.execute(db)
    return numAffectedRows
  })

const deleteRows = (db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<number> =>
  inSteps(deletedAtOnce, async most => {
    const chosen = db
      .selectFrom('telemetry')
      .select('ts')
      .where('device_num', '=', device_num)
      .where('ts', '>=', start_time)
      .where('ts', '<', end_time)
      .orderBy('ts')
      .limit(most)
    const { numDeletedRows } = await db
      .deleteFrom('telemetry')
      .where('device_num', '=', device_num)
      .where('ts', 'in', chosen)
      .executeTakeFirstOrThrow()
    return numDeletedRows
  })

/** Takes the latest values that lie in the range out of "latest". @returns their fields */
async function forgetLatest(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<string[]> {
  return changeLatest(db, device_num, latest => {
    const gone = [...latest].filter(([, [, ts]]) => ts >= start_time && ts < end_time).map(([field]) => field)
    for (const field of gone) latest.delete(field)
    return gone
  })
}

/**
 * When each field was last heard of. It may lie millions of samples back, so this looks through them in steps, on a reader, and outside
 * any transaction.
 */
async function findNewest(db: Db, device_num: number, fields: readonly string[]): Promise<Newest> {
  const newest = new Map<string, number>()
  for await (const { start_time, end_time } of stepsOf(db, device_num, all, 'desc')) {
    const wanted = fields.filter(field => !newest.has(field))
    if (wanted.length === 0) break
    const { rows } = await sql<{ field: string; ts: number }>`select field.key as field, max(ts) as ts
      from telemetry, json_each(telemetry.data) as field
      where device_num = ${device_num} and ts >= ${start_time} and ts < ${end_time}
        and field.key in (select value from json_each(${JSON.stringify(wanted)})) group by field.key`.execute(db)
    for (const { field, ts } of rows) newest.set(field, ts)
  }
  return newest
}

/** Puts values that were found back into "latest", unless newer ones have come meanwhile. */
async function recallLatest(db: Db, device_num: number, newest: Newest): Promise<void> {
  if (newest.size === 0) return
  const samples = await db
    .selectFrom('telemetry')
    .select(['ts', 'data'])
    .where('device_num', '=', device_num)
    .where('ts', 'in', [...new Set(newest.values())])
    .execute()
  await changeLatest(db, device_num, latest => {
    for (const { ts, data } of samples) {
      for (const [field, value] of Object.entries(data)) {
        const known = latest.get(field)
        if (newest.get(field) === ts && (known === undefined || known[1] < ts)) latest.set(field, [value, ts])
      }
    }
  })
}

type Latest = Map<string, [number | boolean | string, number]>

/**
 * Changes "latest" in a transaction. The row is deleted and made again because a deletion is what the append takes notice of
 * (append.ts), and stays when it is empty, so that the next change is noticed too.
 */
async function changeLatest<T>(db: Db, device_num: number, change: (latest: Latest) => T): Promise<T> {
  return db.transaction().execute(async tx => {
    const row = await tx.selectFrom('latest').select('latest').where('device_num', '=', device_num).executeTakeFirst()
    const latest: Latest = new Map(Object.entries(row?.latest ?? {}))
    const changed = change(latest)
    if (row) {
      await tx.deleteFrom('latest').where('device_num', '=', device_num).execute()
      await tx
        .insertInto('latest')
        .values({ device_num, latest: Object.fromEntries(latest) })
        .execute()
    }
    return changed
  })
}
