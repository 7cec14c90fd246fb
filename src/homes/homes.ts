import type { Selectable, Updateable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

export type Home = Selectable<Tables['homes']>

/** The home that holds devices until people make homes of their own. */
export const defaultHomeId = 'home'

const localTimezone = () => Intl.DateTimeFormat().resolvedOptions().timeZone

/** Makes the default home when there is none yet. Its time zone is the machine's. */
export async function ensureDefaultHome(db: Db): Promise<void> {
  const now = Date.now()
  await db
    .insertInto('homes')
    .values({ id: defaultHomeId, name: 'Home', timezone: localTimezone(), created_at: now, updated_at: now })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute()
}

/** @throws HubError `conflict` when the id is taken */
export async function createHome(
  db: Db,
  {
    id = newId(),
    name,
    timezone = localTimezone(),
  }: { id?: string | undefined; name: string; timezone?: string | undefined },
): Promise<Home> {
  const now = Date.now()
  const home = { id, name, timezone, retention: null, retention_fields: null, created_at: now, updated_at: now }
  await db
    .insertInto('homes')
    .values(home)
    .execute()
    .catch(error => {
      throw error instanceof HubError && error.code === 'conflict'
        ? new HubError('conflict', `There is a home ${id} already.`)
        : error
    })
  return home
}

/** @throws HubError `not_found` */
export async function getHome(db: Db, id: string): Promise<Home> {
  const home = await db.selectFrom('homes').selectAll().where('id', '=', id).executeTakeFirst()
  if (!home) throw notFound('home')
  return home
}

/** @param homes those to choose from; null for all */
export async function listHomes(
  db: Db,
  { homes, limit, cursor }: PageRequest & { homes: readonly string[] | null },
): Promise<Page<Home>> {
  let query = db.selectFrom('homes').selectAll().orderBy('id')
  if (homes) query = query.where('id', 'in', homes)
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id, large: ['retention_fields'] })
}

/** @throws HubError `not_found` */
export async function updateHome(
  db: Db,
  id: string,
  changes: Pick<Updateable<Tables['homes']>, 'name' | 'timezone' | 'retention' | 'retention_fields'>,
): Promise<Home> {
  await db
    .updateTable('homes')
    .set({ ...changes, updated_at: Date.now() })
    .where('id', '=', id)
    .execute()
  return getHome(db, id)
}

/** Deletes an empty home with its rooms and memberships. @throws HubError `not_found`; `conflict` while it holds devices */
export async function deleteHome(db: Db, id: string): Promise<void> {
  if (id === defaultHomeId)
    throw new HubError('conflict', 'The first home stays: devices without another one are kept there.')
  const { devices } = await db
    .selectFrom('devices')
    .select(eb => eb.fn.countAll<number>().as('devices'))
    .where('home_id', '=', id)
    .executeTakeFirstOrThrow()
  if (devices > 0) throw new HubError('conflict', `The home holds ${devices} devices: move or delete them first.`)
  const { numDeletedRows } = await db.deleteFrom('homes').where('id', '=', id).executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound('home')
}

/** The IANA time zone of a home; UTC when there is no such home. */
export async function timezoneOf(db: Db, home_id: string): Promise<string> {
  const home = await db.selectFrom('homes').select('timezone').where('id', '=', home_id).executeTakeFirst()
  return home?.timezone ?? 'UTC'
}
