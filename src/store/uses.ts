import type { UseCounts } from '../uses.js'
import type { Db } from './store.js'

/** Adds to the uses of keys or tokens what was counted in memory. */
export async function recordUses(db: Db, table: 'device_keys' | 'service_tokens', uses: UseCounts): Promise<void> {
  await Promise.all(
    [...uses].map(([id, { count, at }]) =>
      db
        .updateTable(table)
        .set(eb => ({ use_count: eb('use_count', '+', count), last_used_at: at }))
        .where('id', '=', id)
        .execute(),
    ),
  )
}
