import { type Insertable, type Selectable, sql } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newSortableId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inSteps } from '../store/in-steps.js'
import type { NotificationStatus } from '../store/notification-tables.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import type { Contact } from './contacts.js'
import type { Notice } from './notice.js'
import type { Next } from './turns.js'

type Row = Selectable<Tables['notifications']>
export type Attempt = Omit<Selectable<Tables['notification_attempts']>, 'notification_id'>
/** A notification as the API shows it, with what became of its attempts. */
export type Notification = Omit<Row, 'data' | 'max_attempts' | 'attempts'> & { attempts: Attempt[] }
/** One that is being sent. */
export type Sending = Row & { readonly data: Notice }

const columns = [
  'id',
  'home_id',
  'alert_id',
  'contact_id',
  'contact_name',
  'kind',
  'event',
  'round',
  'step',
  'status',
  'next_at',
  'last_error',
  'created_at',
  'settled_at',
] as const

interface Filter extends PageRequest {
  readonly alert_id?: string | undefined
  readonly home_id?: string | undefined
  readonly status?: NotificationStatus | undefined
}

/** The newest first. */
export async function listNotifications(db: Db, filter: Filter): Promise<Page<Notification>> {
  let query = db.selectFrom('notifications').select(columns).orderBy('id', 'desc')
  for (const name of ['alert_id', 'home_id', 'status'] as const) {
    const wanted = filter[name]
    if (wanted !== undefined) query = query.where(name, '=', wanted)
  }
  if (filter.cursor) query = query.where('id', '<', decodeCursor(filter.cursor, 'string'))
  const page = await readPage(query, { limit: filter.limit, keyOf: row => row.id })
  return { ...page, rows: await withAttempts(db, page.rows) }
}

/** @throws HubError `not_found` */
export async function getNotification(db: Db, id: string): Promise<Notification> {
  const row = await db.selectFrom('notifications').select(columns).where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('notification')
  const [one] = await withAttempts(db, [row])
  if (!one) throw notFound('notification')
  return one
}

async function withAttempts(db: Db, rows: readonly Omit<Notification, 'attempts'>[]): Promise<Notification[]> {
  const ids = rows.map(({ id }) => id)
  const attempts = await db
    .selectFrom('notification_attempts')
    .selectAll()
    .where('notification_id', 'in', ids)
    .orderBy('attempt')
    .execute()
  const of = (id: string) =>
    attempts.filter(one => one.notification_id === id).map(({ notification_id: _, ...one }) => one)
  return rows.map(row => ({ ...row, attempts: of(row.id) }))
}

/** Writes down a test, which is tried once, and at once. */
export async function insertTest(db: Db, contact: Contact, data: Notice): Promise<Sending> {
  const { id: contact_id, home_id, name: contact_name, kind } = contact
  const row: Insertable<Tables['notifications']> = {
    id: newSortableId(),
    home_id,
    alert_id: null,
    contact_id,
    contact_name,
    kind,
    event: 'test',
    round: 0,
    step: 0,
    data,
    status: 'sending',
    attempts: 1,
    max_attempts: 1,
    next_at: null,
    last_error: null,
    created_at: data.timestamp,
    settled_at: null,
  }
  return db.insertInto('notifications').values(row).returningAll().executeTakeFirstOrThrow() as Promise<Sending>
}

/**
 * What was under way is sent again, under the same id: when the hub ended meanwhile, or what became of it could not be written down.
 * @param ids null for all
 * @param next_at when, in milliseconds since 1970
 */
export async function takeUpAgain(db: Db, ids: readonly string[] | null, next_at: number): Promise<void> {
  let lost = db.updateTable('notifications').set({ status: 'pending', next_at }).where('status', '=', 'sending')
  if (ids) lost = lost.where('id', 'in', ids)
  await lost.execute()
}

/**
 * What comes next of each contact, the earliest first. From contact to contact along the index: however much waits for one, it takes one look.
 * @param busy contacts that are just being sent to
 */
export async function nextOfContacts(db: Db, busy: readonly string[], most: number): Promise<Next[]> {
  const contact = sql.ref('waiting.contact_id')
  const { rows } = await sql<Next>`with recursive waiting (contact_id) as (
      select min(contact_id) from notifications where next_at is not null
      union all
      select (select min(contact_id) from notifications where next_at is not null and contact_id > ${contact})
      from waiting where contact_id is not null)
    select notifications.id, notifications.home_id, notifications.contact_id, notifications.next_at from waiting join notifications on notifications.id = (
      select id from notifications where next_at is not null and contact_id = ${contact} order by next_at limit 1)
    where waiting.contact_id not in (select value from json_each(${JSON.stringify(busy)}))
    order by notifications.next_at limit ${most}`.execute(db)
  return rows
}

/** Takes these to be sent. Each is counted as attempted before it is. */
export async function take(db: Db, ids: readonly string[]): Promise<Sending[]> {
  if (ids.length === 0) return []
  const taken = await db
    .updateTable('notifications')
    .set({ status: 'sending', next_at: null, attempts: sql<number>`attempts + 1` })
    .where('id', 'in', ids)
    .where('status', '=', 'pending')
    .returningAll()
    .execute()
  return taken as Sending[]
}

/** What became of an attempt. @param next_at when to try again; null when there is no next time */
export async function settle(
  { together }: { together<Result>(ask: (tx: Db) => Promise<Result>): Promise<Result> },
  { id, attempts: attempt }: Sending,
  outcome: Omit<Attempt, 'attempt'> & { readonly next_at: number | null },
): Promise<void> {
  const { next_at, at, ms, fault } = outcome
  const settled_at = next_at === null ? at + ms : null
  const status = fault === null ? 'delivered' : next_at === null ? 'dead' : 'pending'
  await together(tx =>
    Promise.all([
      tx
        .updateTable('notifications')
        .set({ status, next_at, last_error: fault, settled_at })
        .where('id', '=', id)
        .where('status', '=', 'sending')
        .execute(),
      // The alert may be gone, with all that was told of it.
      sql`insert into notification_attempts (notification_id, attempt, at, ms, fault)
        select id, ${attempt}, ${at}, ${ms}, ${fault} from notifications where id = ${id}`.execute(tx),
    ]),
  )
}

/** Sends a dead one again, as often as a new one. @throws HubError `not_found`, `conflict` when it is not dead or its contact is gone */
export async function retry(db: Db, id: string, attempts: number): Promise<Notification> {
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set({
      status: 'pending',
      next_at: Date.now(),
      settled_at: null,
      max_attempts: sql<number>`attempts + ${attempts}`,
    })
    .where('id', '=', id)
    .where('status', '=', 'dead')
    .where('contact_id', 'is not', null)
    .executeTakeFirstOrThrow()
  const one = await getNotification(db, id)
  if (numUpdatedRows === 0n)
    throw new HubError('conflict', one.contact_id === null ? 'Its contact was deleted.' : `It is ${one.status}.`)
  return one
}

/** How many there are of those that are not settled well: status → number. */
export async function countOpen(db: Db): Promise<Record<'pending' | 'sending' | 'dead', number>> {
  const rows = await db
    .selectFrom('notifications')
    .select(['status', eb => eb.fn.countAll<number>().as('count')])
    .where('status', 'in', ['pending', 'sending', 'dead'])
    .groupBy('status')
    .execute()
  return { pending: 0, sending: 0, dead: 0, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) }
}

const trimmedAtOnce = 1000

/** Removes what was settled before `before`. @returns how many */
export const trimNotifications = (db: Db, before: number): Promise<number> =>
  inSteps(trimmedAtOnce, async most => {
    const old = db.selectFrom('notifications').select('id').where('settled_at', '<', before).limit(most)
    const { numDeletedRows } = await db.deleteFrom('notifications').where('id', 'in', old).executeTakeFirstOrThrow()
    return numDeletedRows
  })
