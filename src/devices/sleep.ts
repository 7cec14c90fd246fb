import { type SqlBool, sql } from 'kysely'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Presence } from './presence.js'
import { homeNow } from './reach.js'

/** What a device may say at most of its sleep, in milliseconds; more is taken for this. */
const longestSleepMs = 365 * 86_400_000
/** How much later than it said a device may come back: 10 % of its sleep, within these bounds, in milliseconds. */
const gracePart = 10
const shortestGraceMs = 30_000
const longestGraceMs = 600_000

interface Heartbeat {
  readonly device_id: string
  /** Milliseconds since 1970. */
  readonly received_at: number
  /** Milliseconds until it means to be back; nothing or 0 when it stays. */
  readonly next_in: number | null | undefined
}

/**
 * Remembers until when a device sleeps, as its heartbeat says, or that it does not. Without a connection it is asleep from now on, or
 * awake and so not there. A heartbeat and the end of its connection may be written in either order.
 * @returns the presence where it is not that of a device that is online; null where nothing has changed
 */
export async function recordSleep(db: Db, { device_id, received_at, next_in }: Heartbeat): Promise<Presence | null> {
  const ms = Math.min(Math.ceil(next_in ?? 0), longestSleepMs)
  const [row] =
    ms > 0
      ? await fallAsleep(db, { device_id, received_at, next_in: ms, wakes_at: received_at + ms })
      : await stayAwake(db, { device_id, received_at })
  return row && row.status !== 'online' ? row : null
}

type Asleep = Pick<Heartbeat, 'device_id' | 'received_at'> & { readonly next_in: number; readonly wakes_at: number }

const fallAsleep = prepare((db, { device_id, received_at, next_in, wakes_at }: Asleep) => {
  const sleeps = sql`status = 'offline' and (since < ${received_at} or reason is null
    or reason in ('clean', 'network', 'keepalive', 'overdue'))`
  const said = { wakes_at, next_in }
  const heard = { since: received_at, last_seen_at: received_at }
  return db
    .insertInto('presence')
    .values({ device_id, home_id: homeNow(device_id), status: 'sleeping', session: 0, ...heard, ...said })
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({
          ...said,
          last_seen_at: later('last_seen_at', received_at),
          status: sql`case when ${sleeps} then 'sleeping' else status end`,
          since: sql`case when ${sleeps} then ${later('since', received_at)} else since end`,
          // What it went offline for is over when it is heard again.
          reason: sql`case when status = 'offline' and (since < ${received_at} or reason = 'overdue') then null
            else reason end`,
        })
        .where(isNewer(received_at)),
    )
    .returningAll()
})

const stayAwake = prepare((db, { device_id, received_at }: Pick<Heartbeat, 'device_id' | 'received_at'>) => {
  const said = { wakes_at: null, next_in: null }
  const heard = { since: received_at, last_seen_at: received_at }
  return db
    .insertInto('presence')
    .values({ device_id, home_id: homeNow(device_id), status: 'offline', session: 0, ...heard })
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({
          ...said,
          last_seen_at: later('last_seen_at', received_at),
          status: sql`case status when 'sleeping' then 'offline' else status end`,
          since: sql`case status when 'sleeping' then ${later('since', received_at)} else since end`,
        })
        .where(isNewer(received_at))
        // Of those who are online it is gathered when they were heard.
        .where(eb => eb.or([eb('presence.status', '!=', 'online'), eb('presence.wakes_at', 'is not', null)])),
    )
    .returningAll()
})

const later = (column: string, at: number) => sql<number>`max(${sql.ref(`presence.${column}`)}, ${at})`
/** Whether no later heartbeat has said something else meanwhile. */
const isNewer = (received_at: number) =>
  sql<SqlBool>`(presence.wakes_at is null or presence.wakes_at - presence.next_in <= ${received_at})`

/**
 * Who has not come back from its sleep, grace included, is offline since the moment at which that ran out.
 * @param now milliseconds since 1970
 * @param opened_at since when the hub is there: to whoever meant to come back while it was not, it gives the grace from then on
 * @returns their presences
 */
export function recordOverdue(db: Db, now: number, opened_at: number): Promise<Presence[]> {
  const overdue_at = sql<number>`max(wakes_at, ${opened_at}) + min(max(next_in / ${gracePart}, ${shortestGraceMs}), ${longestGraceMs})`
  return (
    db
      .updateTable('presence')
      .set({ status: 'offline', reason: 'overdue', since: sql`max(since, ${overdue_at})` })
      // Spelled out, so that the index on those who sleep is used.
      .where(sql<SqlBool>`status = 'sleeping'`)
      .where('wakes_at', '<=', now - shortestGraceMs)
      .where(overdue_at, '<=', now)
      .returningAll()
      .execute()
  )
}

/** A device sleeps and is not let in any more: inactive, or without a key. @returns its presence; undefined when that is not so */
export const recordRevoked = (db: Db, device_id: string, at: number): Promise<Presence | undefined> =>
  db
    .updateTable('presence')
    .set({ status: 'offline', reason: 'revoked', since: at, wakes_at: null, next_in: null })
    .where('device_id', '=', device_id)
    .where('status', '=', 'sleeping')
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('device_keys')
            .innerJoin('devices', 'devices.id', 'device_keys.device_id')
            .select('device_keys.id')
            .where('devices.id', '=', device_id)
            .where('devices.status', '=', 'active')
            .where('device_keys.revoked_at', 'is', null)
            .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', at)])),
        ),
      ),
    )
    .returningAll()
    .executeTakeFirst()
