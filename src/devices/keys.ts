import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newSecret } from '../secrets.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A key as the API shows it: never its secret. */
export type DeviceKey = Omit<Selectable<Tables['device_keys']>, 'hash'>

export const looksLikeKey = (text: string) => text.startsWith('hk_')

/** Makes a further key for a device. The whole key is returned here and never again. */
export async function createKey(
  db: Db,
  device_id: string,
  { name = 'key', expires_at = null }: { name?: string | undefined; expires_at?: number | null | undefined } = {},
): Promise<{ key: DeviceKey; api_key: string }> {
  const { id, hash, text } = newSecret('hk')
  const key = {
    id,
    device_id,
    name,
    created_at: Date.now(),
    expires_at,
    revoked_at: null,
    last_used_at: null,
    use_count: 0,
  }
  await db
    .insertInto('device_keys')
    .values({ ...key, hash })
    .execute()
  return { key, api_key: text }
}

export interface KnownKey {
  readonly device_id: string
  readonly expires_at: number | null
}

/**
 * Finds a key that is in force. The database compares the hash: a wrong key then finds no row whether or not its id exists, where
 * fetching the row first told by 17 µs which ids do. What time might tell of a hash gives nobody its secret.
 * @throws HubError `unauthorized` for a key that is wrong or revoked
 */
export async function findKey(db: Db, key_id: string, hash: Buffer): Promise<KnownKey> {
  const [row] = await selectKey(db, { key_id, hash })
  if (!row || row.revoked_at !== null) throw new HubError('unauthorized', 'The API key is not valid.')
  return row
}

const selectKey = prepare((db, { key_id, hash }: { key_id: string; hash: Buffer }) =>
  db
    .selectFrom('device_keys')
    .select(['device_id', 'expires_at', 'revoked_at'])
    .where('id', '=', key_id)
    .where('hash', '=', hash),
)

export const listKeys = (db: Db, device_id: string): Promise<DeviceKey[]> =>
  db
    .selectFrom('device_keys')
    .select(['id', 'device_id', 'name', 'created_at', 'expires_at', 'revoked_at', 'last_used_at', 'use_count'])
    .where('device_id', '=', device_id)
    .orderBy('created_at')
    .execute()

/** @throws HubError `not_found` when the device has no such key in force */
export async function revokeKey(db: Db, device_id: string, key_id: string): Promise<void> {
  const revoked = await db
    .updateTable('device_keys')
    .set({ revoked_at: Date.now() })
    .where('id', '=', key_id)
    .where('device_id', '=', device_id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (revoked.numUpdatedRows === 0n) throw notFound('key')
}
