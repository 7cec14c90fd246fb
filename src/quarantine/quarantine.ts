import { type Selectable, sql } from 'kysely'
import { notFound } from '../errors.js'
import { newSortableId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A message as it is kept, with the size of its payload in bytes. */
type Quarantined = Selectable<Tables['quarantine']> & { readonly size: number }

export interface Refused {
  readonly device_id: string
  readonly home_id: string
  /** The topic below the device's prefix. */
  readonly topic: string
  readonly payload: Buffer
  /** A code for programs: `invalid_payload`, `unknown_topic`. */
  readonly reason: string
  /** In words. */
  readonly message: string
  readonly received_at: number
}

/** The newest messages a device may leave here; older ones make room, so that a broken device cannot fill the disk. */
const maxPerDevice = 1000

/** Keeps a message that could not be understood, whole, where people can see and replay it (D3). @returns its id */
export async function quarantine(db: Db, refused: Refused): Promise<string> {
  const id = newSortableId()
  await db
    .insertInto('quarantine')
    .values({ id, ...refused, replayed_at: null })
    .execute()
  return id
}

/** What a list shows of a payload, in bytes: a page of whole ones could be 256 MB. */
const listedBytes = 4096
const size = sql<number>`length(payload)`.as('size')

/** The newest first, of each payload the first 4 KiB. */
export async function listQuarantine(
  db: Db,
  filter: PageRequest & { device_id?: string | undefined },
): Promise<Page<Quarantined>> {
  let query = db
    .selectFrom('quarantine')
    .select(['id', 'device_id', 'home_id', 'topic', 'reason', 'message', 'received_at', 'replayed_at', size])
    // Of an empty blob, substr makes null.
    .select(sql<Buffer>`coalesce(substr(payload, 1, ${listedBytes}), x'')`.as('payload'))
  if (filter.device_id) query = query.where('device_id', '=', filter.device_id)
  if (filter.cursor) query = query.where('id', '<', decodeCursor(filter.cursor, 'string'))
  const page = await readPage(query.orderBy('id', 'desc'), { limit: filter.limit, keyOf: row => row.id })
  return { ...page, rows: page.rows.map(withBuffer) }
}

/** @throws HubError `not_found` */
export async function getQuarantined(db: Db, id: string): Promise<Quarantined> {
  const row = await db.selectFrom('quarantine').selectAll().select(size).where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('quarantined message')
  return withBuffer(row)
}

/** A blob crosses from the store's threads as plain bytes. */
const withBuffer = (row: Quarantined): Quarantined => ({ ...row, payload: Buffer.from(row.payload) })

export async function markReplayed(db: Db, id: string, replayed_at: number): Promise<void> {
  await db.updateTable('quarantine').set({ replayed_at }).where('id', '=', id).execute()
}

/** @returns what was deleted, without its payload. @throws HubError `not_found` */
export async function deleteQuarantined(db: Db, id: string) {
  const gone = await db
    .deleteFrom('quarantine')
    .where('id', '=', id)
    .returning(['device_id', 'home_id', 'topic', 'reason'])
    .executeTakeFirst()
  if (!gone) throw notFound('quarantined message')
  return gone
}

const trimmedAtOnce = 1000

/** Removes what is older than `before`, and beyond the newest 1000 of a device. @returns how many */
export async function trimQuarantine(db: Db, before: number): Promise<number> {
  const old = (most: number) => db.selectFrom('quarantine').select('id').where('received_at', '<', before).limit(most)
  const ranked = db.selectFrom('quarantine').select(eb => [
    'id',
    eb.fn
      .agg<number>('row_number')
      .over(over => over.partitionBy('device_id').orderBy('id', 'desc'))
      .as('rank'),
  ])
  const surplus = (most: number) =>
    db.selectFrom(ranked.as('ranked')).select('ranked.id').where('ranked.rank', '>', maxPerDevice).limit(most)
  let total = 0
  for (const chosen of [old, surplus]) {
    total += await inSteps(trimmedAtOnce, async most => {
      const { numDeletedRows } = await db
        .deleteFrom('quarantine')
        .where('id', 'in', chosen(most))
        .executeTakeFirstOrThrow()
      return numDeletedRows
    })
  }
  return total
}
