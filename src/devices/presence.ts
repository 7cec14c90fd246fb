import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { homeNow } from './reach.js'

export type Presence = Selectable<Tables['presence']>

interface Change {
  readonly device_id: string
  readonly status: Presence['status']
  readonly reason: string | null
  /** Milliseconds since 1970. */
  readonly at: number
  readonly session: number
}

/**
 * Writes what the hub saw of a device's connection. A change that belongs to an older session than the one on record is outdated and
 * changes nothing: a socket that was taken over may close after its successor opened.
 * @returns the presence that now holds
 */
export async function recordPresence(db: Db, change: Change): Promise<Presence> {
  const [written] = await upsertPresence(db, change)
  if (written) return written
  return db.selectFrom('presence').selectAll().where('device_id', '=', change.device_id).executeTakeFirstOrThrow()
}

const upsertPresence = prepare((db, { device_id, status, reason, at, session }: Change) => {
  const changed = { status, reason, since: at, last_seen_at: at, session }
  return db
    .insertInto('presence')
    .values({ device_id, home_id: homeNow(device_id), ...changed })
    .onConflict(conflict => conflict.column('device_id').doUpdateSet(changed).where('presence.session', '<=', session))
    .returningAll()
})

/** At a start nobody is connected yet, whatever the last run left behind. Sessions are counted on from the highest. */
export async function resetPresence(db: Db, now: number): Promise<{ last_session: number }> {
  await db
    .updateTable('presence')
    .set({ status: 'offline', reason: 'hub_restart', since: now })
    .where('status', '!=', 'offline')
    .execute()
  const row = await db
    .selectFrom('presence')
    .select(eb => eb.fn.max('session').as('last'))
    .executeTakeFirst()
  return { last_session: row?.last ?? 0 }
}

/** Moves `last_seen_at` forward for many devices in one statement. @param seen device id → milliseconds since 1970 */
export async function recordSeen(db: Db, seen: ReadonlyMap<string, number>): Promise<void> {
  if (seen.size === 0) return
  const json = JSON.stringify(Object.fromEntries(seen))
  await sql`update presence set last_seen_at = seen.value from json_each(${json}) as seen
    where presence.device_id = seen.key and presence.last_seen_at < seen.value`.execute(db)
}

/** The presence payload that subscribers see. */
export const presencePayload = ({ status, since, reason, last_seen_at }: Presence) =>
  JSON.stringify({ status, since, reason, last_seen_at })
