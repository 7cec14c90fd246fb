import { type Selectable, sql } from 'kysely'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { signOfLife } from './sign-of-life.js'

export type Presence = Selectable<Tables['presence']>

export interface PresenceChange {
  readonly device_id: string
  readonly status: 'online' | 'offline'
  readonly reason: Presence['reason']
  /** Milliseconds since 1970. */
  readonly at: number
  readonly session: number
  /** When the connection that has ended began: a device that has said since then until when it sleeps is asleep now. */
  readonly connected_at?: number
}

/** How a connection ends when its device goes to sleep: it is taken down, or just falls silent. */
const sleepily: ReadonlySet<Presence['reason']> = new Set(['clean', 'network', 'keepalive'])

/**
 * Writes what the hub saw of a device's connection. A change that belongs to an older session than the one on record is outdated and
 * changes nothing: a socket that was taken over may close after its successor opened.
 * @returns the presence that now holds; null when nothing has changed
 */
export async function recordPresence(db: Db, change: PresenceChange): Promise<Presence | null> {
  const { connected_at = null, ...plain } = change
  const said_since = sleepily.has(change.reason) ? connected_at : null
  const [written] = await upsertPresence(db, { ...plain, said_since })
  return written ?? null
}

type Written = Omit<PresenceChange, 'connected_at'> & { readonly said_since: number | null }

const upsertPresence = prepare((db, { device_id, status, reason, at, session, said_since }: Written) => {
  const changed = { reason, since: at, session }
  const asleep = sql`wakes_at > ${at} and wakes_at - next_in >= ${said_since}`
  const orAsleep = sql<Presence['status']>`case when ${asleep} then 'sleeping' else ${status} end`
  return db
    .insertInto('presence')
    .columns(['device_id', 'home_id', 'status', 'reason', 'since', 'last_seen_at', 'session'])
    .expression(
      // Of a device that was deleted meanwhile nothing is written.
      db
        .selectFrom('devices')
        .select(['id', 'home_id', ...[status, reason, at, at, session].map((value, i) => sql`${value}`.as(`${i}`))])
        .where('id', '=', device_id),
    )
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({ status: orAsleep, ...changed, last_seen_at: sql`max(presence.last_seen_at, ${at})` })
        .where('presence.session', '<=', session),
    )
    .returningAll()
})

/**
 * At a start nobody is connected, whatever the last run left behind: who was online then was so until the hub's last sign of life. Who
 * sleeps sleeps on. Sessions are counted on from the highest.
 */
export async function resetPresence(db: Db, now: number): Promise<{ last_session: number }> {
  const lived = (await signOfLife(db, now)) ?? now
  await db
    .updateTable('presence')
    .set({ status: 'offline', reason: 'hub_restart', since: sql`max(since, ${lived})` })
    .where('status', '=', 'online')
    .execute()
  const row = await db
    .selectFrom('presence')
    .select(eb => eb.fn.max('session').as('last'))
    .executeTakeFirst()
  return { last_session: row?.last ?? 0 }
}

/**
 * Moves `last_seen_at` forward for many devices in one statement. One that was heard and has never had a connection is known from
 * then on, as offline.
 * @param seen device id → milliseconds since 1970
 */
export async function recordSeen(db: Db, seen: ReadonlyMap<string, number>): Promise<void> {
  if (seen.size === 0) return
  const json = JSON.stringify(Object.fromEntries(seen))
  await sql`insert into presence (device_id, home_id, status, since, last_seen_at, session)
    select devices.id, devices.home_id, 'offline', seen.value, seen.value, 0
    from json_each(${json}) as seen join devices on devices.id = seen.key where true
    on conflict (device_id) do update set last_seen_at = excluded.last_seen_at
    where presence.last_seen_at < excluded.last_seen_at`.execute(db)
}

/** A device's presence as the API shows it: `since` and `last_seen_at` are null where it was never heard. */
export async function presenceOf(db: Db, device_id: string) {
  const row = await db.selectFrom('presence').selectAll().where('device_id', '=', device_id).executeTakeFirst()
  const { status, since, reason, last_seen_at, session } = row ?? neverHeard
  const wakes_at = row ? wakesAt(row) : null
  return { device_id, status, connected: status === 'online', since, reason, last_seen_at, session, wakes_at }
}

/** When a device means to be back, while it sleeps or has said so on the connection that it has. */
function wakesAt({ status, since, wakes_at, next_in }: Presence): number | null {
  const isSaidNow = status === 'online' && (wakes_at ?? 0) - (next_in ?? 0) >= since
  return status === 'sleeping' || isSaidNow ? wakes_at : null
}

const neverHeard = {
  status: 'offline',
  since: null,
  reason: null,
  last_seen_at: null,
  session: 0,
} as const

/** The presence payload that subscribers see. */
export const presencePayload = ({ status, since, reason, last_seen_at }: Presence) =>
  JSON.stringify({ status, since, reason, last_seen_at })
