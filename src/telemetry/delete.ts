import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import { listReadings, type TimeRange } from './readings.js'
import { hourMs } from './rollup-rows.js'
import { blocksIn, stepsOf } from './steps.js'

/** Rows that one statement deletes, some 10 ms of the writer: other writes get in between. */
const deletedAtOnce = 2000

const all: TimeRange = { start_time: 0, end_time: Number.MAX_SAFE_INTEGER }

/**
 * Deletes the samples of a range, in steps that let other writes in between. "Latest" forgets what is gone. Where rollups stand for samples that
 * were let go of earlier, those that lie wholly in the range are deleted.
 * @returns how many samples
 */
export async function deleteReadings(db: Db, device_num: number, range: TimeRange): Promise<number> {
  const deleted = await deleteSamples(db, device_num, range)
  await deleteGoneHours(db, device_num, range)
  const gone = await forgetLatest(db, device_num, range)
  await recallLatest(db, device_num, await findNewest(db, device_num, gone))
  return deleted
}

const tablesOfDevice = [
  'telemetry_hours',
  'telemetry_days',
  'telemetry_fields',
  'telemetry_shapes',
  'telemetry_late',
  'latest',
] as const

/** Deletes every sample of a device, in steps, with its rollups and latest values. */
export async function deleteAllReadings(db: Db, device_num: number): Promise<void> {
  await deleteSamples(db, device_num, all)
  for (const table of ['rollups_1m', 'rollups_1h', 'rollups_1d'] as const)
    await deleteRollups(db, device_num, table, all)
  for (const table of tablesOfDevice) await db.deleteFrom(table).where('device_num', '=', device_num).execute()
}

/** What samples were rolled up to that are gone. An hour's minutes are deleted before the hour is forgotten, so that no other can come in its place. */
async function deleteGoneHours(db: Db, device_num: number, range: TimeRange): Promise<void> {
  const { start_time, end_time } = range
  await deleteLoneDays(db, device_num, range)
  await deleteGoneFields(db, device_num, range)
  const { rows } = await sql<{ start: number }>`select start from telemetry_hours where device_num = ${device_num}
    and start >= ${start_time} and start <= ${end_time - hourMs} and state in (3, 4)`.execute(db)
  if (rows.length === 0) return
  await forgetDays(db, device_num, range)
  for (const { start } of rows) {
    const hour = { start_time: start, end_time: start + hourMs }
    for (const table of ['rollups_1m', 'rollups_1h'] as const) await deleteRollups(db, device_num, table, hour)
    await db.deleteFrom('telemetry_hours').where('device_num', '=', device_num).where('start', '=', start).execute()
  }
}

/** Days that nothing finer is left of. */
async function deleteLoneDays(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<void> {
  const { rows } = await sql<{
    start: number
    end: number
  }>`select start, end from telemetry_days where device_num = ${device_num}
    and start >= ${start_time} and end <= ${end_time} and state > 0`.execute(db)
  for (const { start, end } of rows) {
    await deleteRollups(db, device_num, 'rollups_1h', { start_time: start, end_time: end })
    await db.transaction().execute(async tx => {
      await deleteRollups(tx, device_num, 'rollups_1d', { start_time: start, end_time: end })
      await sql`delete from telemetry_hours where device_num = ${device_num} and start >= ${start} and start < ${end} and state = 6`.execute(
        tx,
      )
      await tx.deleteFrom('telemetry_days').where('device_num', '=', device_num).where('start', '=', start).execute()
    })
  }
}

/** What fields were rolled up to whose samples are gone while others are kept. Their hours are rolled up anew: there may be nothing left of them. */
async function deleteGoneFields(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<void> {
  const hours = {
    start_time: Math.ceil(start_time / hourMs) * hourMs,
    end_time: Math.floor(end_time / hourMs) * hourMs,
  }
  let deleted = 0
  for (const table of ['rollups_1m', 'rollups_1h'] as const)
    deleted += await deleteRollups(db, device_num, table, hours, 'raw_from')
  if (deleted > 0) await openHours(db, device_num, hours)
}

const deleteRollups = (
  db: Db,
  device_num: number,
  table: 'rollups_1m' | 'rollups_1h' | 'rollups_1d',
  { start_time, end_time }: TimeRange,
  before: 'raw_from' | null = null,
): Promise<number> =>
  inSteps(deletedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from ${sql.table(table)} where (device_num, field_num, start) in
      (select device_num, field_num, start from telemetry_fields cross join ${sql.table(table)} using (device_num, field_num)
      where device_num = ${device_num} and start >= ${start_time} and start < ${end_time}
        and ${before ? sql`start < raw_from` : sql`true`} limit ${most})`.execute(db)
    return numAffectedRows
  })

/** Blocks that lie wholly in the range, and others of which a part does as rows, then rows: from the oldest on. */
async function deleteSamples(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<number> {
  let deleted = 0
  for await (const step of stepsOf(db, device_num, { start_time, end_time }, 'asc', deletedAtOnce)) {
    await db.transaction().execute(async tx => {
      await openHours(tx, device_num, step)
      await unpackCut(tx, device_num, step)
      deleted += await deleteWhole(tx, device_num, step)
    })
  }
  return deleted
}

/** What is told of the hours and days that a range touches is no longer so. Those whose samples are gone stay as they are. */
async function openHours(tx: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<void> {
  await sql`update telemetry_hours set state = 0 where device_num = ${device_num}
    and start > ${start_time - hourMs} and start < ${end_time} and state not in (3, 4, 6)`.execute(tx)
  await forgetDays(tx, device_num, { start_time, end_time })
}

/** Days that stand alone stay as they are. */
const forgetDays = (tx: Db, device_num: number, { start_time, end_time }: TimeRange) =>
  sql`delete from telemetry_days where device_num = ${device_num} and start < ${end_time} and end > ${start_time} and state = 0`.execute(
    tx,
  )

/** Makes rows of blocks that an edge of a range cuts. */
async function unpackCut(tx: Db, device_num: number, part: TimeRange): Promise<void> {
  const cut = sql`${blocksIn({ device_num, ...part })} and (start < ${part.start_time} or end >= ${part.end_time})`
  await sql`insert into samples (device_num, ts, delay, data, metadata, quality)
    select ${device_num}, one.value ->> 0, (one.value ->> 1) - (one.value ->> 0), one.value -> 2, nullif(one.value -> 3, 'null'), one.value ->> 4
    from (select data ${cut}) as block, json_each(samples_in_block(block.data)) as one`.execute(tx)
  await sql`delete from sample_blocks where rowid in (select rowid ${cut})`.execute(tx)
}

async function deleteWhole(tx: Db, device_num: number, part: TimeRange): Promise<number> {
  const { rows } = await sql<{ samples: number }>`delete from sample_blocks where rowid in
    (select rowid ${blocksIn({ device_num, ...part })}) returning samples`.execute(tx)
  const { numAffectedRows = 0n } = await sql`delete from samples where device_num = ${device_num}
    and ts >= ${part.start_time} and ts < ${part.end_time}`.execute(tx)
  return rows.reduce((sum, { samples }) => sum + samples, Number(numAffectedRows))
}

/** Takes the latest values that lie in the range out of "latest". @returns their fields */
async function forgetLatest(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<string[]> {
  return changeLatest(db, device_num, latest => {
    const gone = [...latest].filter(([, [, ts]]) => ts >= start_time && ts < end_time).map(([field]) => field)
    for (const field of gone) latest.delete(field)
    return gone
  })
}

/**
 * What each field was when it was last heard of. That may lie millions of samples back, so this looks through them on a reader, and outside any
 * transaction.
 */
async function findNewest(db: Db, device_num: number, fields: readonly string[]): Promise<Latest> {
  const newest: Latest = new Map()
  for (const range = { ...all }; ; ) {
    const wanted = fields.filter(field => !newest.has(field))
    if (wanted.length === 0) return newest
    const { readings } = await listReadings(db, device_num, { ...range, fields: wanted, order: 'desc', limit: 1 })
    const [found] = readings
    if (!found) return newest
    for (const [field, value] of Object.entries(found.data)) newest.set(field, [value, found.ts])
    range.end_time = found.ts
  }
}

/** Puts values that were found back into "latest", unless newer ones have come meanwhile. */
async function recallLatest(db: Db, device_num: number, newest: Latest): Promise<void> {
  if (newest.size === 0) return
  await changeLatest(db, device_num, latest => {
    for (const [field, [value, ts]] of newest) {
      const known = latest.get(field)
      if (known === undefined || known[1] < ts) latest.set(field, [value, ts])
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
