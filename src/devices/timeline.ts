import { type Selectable, sql } from 'kysely'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

type PresenceChange = Omit<Selectable<Tables['presence_changes']>, 'id' | 'device_id'>

/** The newest changes that are kept of a device. */
export const maxChanges = 10_000

interface Range {
  /** Milliseconds since 1970, `[start_time, end_time)`. */
  readonly start_time: number
  readonly end_time: number
}

/** The newest changes first. */
export async function listChanges(
  db: Db,
  device_id: string,
  { limit, cursor, start_time, end_time }: PageRequest & Range,
): Promise<Page<PresenceChange>> {
  let query = db
    .selectFrom('presence_changes')
    .select(['id', 'at', 'status', 'reason', 'session'])
    .where('device_id', '=', device_id)
    .where('at', '>=', start_time)
    .where('at', '<', end_time)
  if (cursor) query = query.where('id', '<', decodeCursor(cursor, 'number'))
  const page = await readPage(query.orderBy('id', 'desc'), { limit, keyOf: row => row.id })
  return { ...page, rows: page.rows.map(({ id: _, ...change }) => change) }
}

/** The changes of a range, oldest first, and before them the one that held when it began, where that is known. */
export async function changesWithin(
  db: Db,
  device_id: string,
  { start_time, end_time }: Range,
): Promise<Pick<PresenceChange, 'at' | 'status'>[]> {
  const held = db
    .selectFrom('presence_changes')
    .select(eb => eb.fn.max('id').as('id'))
    .where('device_id', '=', device_id)
    .where('at', '<=', start_time)
  const newest = await db
    .selectFrom('presence_changes')
    .select(['at', 'status'])
    .where('device_id', '=', device_id)
    .where('id', '>=', sql<number>`ifnull(${held}, 0)`)
    .where('at', '<', end_time)
    .orderBy('id', 'desc')
    .limit(maxChanges)
    .execute()
  return newest.reverse()
}

const trimmedAtOnce = 1000
const devicesAtOnce = 100

/**
 * Removes what is older than `before`, but for the last change before then, which tells what held; and of each device what lies beyond
 * its newest 10,000. @returns how many
 */
export async function trimChanges(db: Db, before: number): Promise<number> {
  const next = sql`(select at from presence_changes as later
    where later.device_id = one.device_id and later.id > one.id order by later.id limit 1)`
  let total = await inSteps(trimmedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from presence_changes where id in
      (select id from presence_changes as one where at < ${before} and ${next} < ${before} limit ${most})`.execute(db)
    return numAffectedRows
  })
  for (let after: string | undefined = ''; after !== undefined; ) {
    const devices = await surplusOf(db, after)
    for (const { device_id, last } of devices) total += last === null ? 0 : await deleteUpTo(db, device_id, last)
    after = devices.length < devicesAtOnce ? undefined : devices.at(-1)?.device_id
  }
  return total
}

/** The devices that come next, each with the newest of its changes that is one too many; null where none is. */
const surplusOf = (db: Db, after: string) =>
  db
    .selectFrom('presence')
    .select([
      'device_id',
      sql<number | null>`(select id from presence_changes where device_id = presence.device_id
        order by id desc limit 1 offset ${maxChanges})`.as('last'),
    ])
    .where('device_id', '>', after)
    .orderBy('device_id')
    .limit(devicesAtOnce)
    .execute()

const deleteUpTo = (db: Db, device_id: string, last: number): Promise<number> =>
  inSteps(trimmedAtOnce, async most => {
    const surplus = db
      .selectFrom('presence_changes')
      .select('id')
      .where('device_id', '=', device_id)
      .where('id', '<=', last)
      .limit(most)
    const { numDeletedRows } = await db
      .deleteFrom('presence_changes')
      .where('id', 'in', surplus)
      .executeTakeFirstOrThrow()
    return numDeletedRows
  })
