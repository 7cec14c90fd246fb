import { notFound } from '../errors.js'
import type { Db } from '../store/store.js'

/** The home that holds devices until people make homes of their own. */
export const defaultHomeId = 'home'

/** Makes the default home when there is none yet. Its time zone is the machine's. */
export async function ensureDefaultHome(db: Db): Promise<void> {
  const now = Date.now()
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone
  await db
    .insertInto('homes')
    .values({ id: defaultHomeId, name: 'Home', timezone, created_at: now, updated_at: now })
    .onConflict(conflict => conflict.column('id').doNothing())
    .execute()
}

/** @throws HubError `not_found` */
export async function checkHomeExists(db: Db, id: string): Promise<void> {
  const home = await db.selectFrom('homes').select('id').where('id', '=', id).executeTakeFirst()
  if (!home) throw notFound('home')
}

/** The IANA time zone of a home; UTC when there is no such home. */
export async function timezoneOf(db: Db, home_id: string): Promise<string> {
  const home = await db.selectFrom('homes').select('timezone').where('id', '=', home_id).executeTakeFirst()
  return home?.timezone ?? 'UTC'
}
