import { sql } from 'kysely'
import type { Db } from '../store/store.js'

/** A sign that is younger than this, in milliseconds, is good enough. */
const freshMs = 5000

/**
 * When the hub is last known to have lived: the newest of the times that it writes often. What lies ahead was written by a clock that
 * was wrong, and does not count.
 * @param now milliseconds since 1970. @returns the same; null at a first start
 */
export async function signOfLife(db: Db, now: number): Promise<number | null> {
  const { rows } = await sql<{ at: number | null }>`select max(at) as at from (
    select last_run_at as at from jobs union all select written_at from probe
    union all select last_seen_at from presence) where at <= ${now}`.execute(db)
  return rows[0]?.at ?? null
}

/** Whether somebody is online whose end a sudden death of the hub would hide, and nothing else has just been written. */
export async function needsSignOfLife(db: Db, now: number): Promise<boolean> {
  const online = await db.selectFrom('presence').select('device_id').where('status', '=', 'online').limit(1).execute()
  return online.length > 0 && ((await signOfLife(db, now)) ?? 0) < now - freshMs
}
