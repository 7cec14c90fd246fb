import { createHash, randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import type { DevicePrincipal } from '../principal.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A key as the API shows it: never its secret. */
export type DeviceKey = Omit<Selectable<Tables['device_keys']>, 'hash'>

const keyPattern = /^hk_([a-z0-9]{12})_([A-Za-z0-9_-]{27})$/
const secretBytes = 20

/** A hash without salt or stretching is enough for a secret of 160 random bits. */
const hashOf = (secret: string) => createHash('sha256').update(secret).digest()

export const looksLikeKey = (text: string) => text.startsWith('hk_')

/** Makes a further key for a device. The whole key is returned here and never again. */
export async function createKey(
  db: Db,
  device_id: string,
  { name = 'key', expires_at = null }: { name?: string | undefined; expires_at?: number | null | undefined } = {},
): Promise<{ key: DeviceKey; api_key: string }> {
  const id = newId()
  const secret = randomBytes(secretBytes).toString('base64url')
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
    .values({ ...key, hash: hashOf(secret) })
    .execute()
  return { key, api_key: `hk_${id}_${secret}` }
}

/**
 * Finds the device that a key belongs to. The key alone decides. The database compares the hash: a wrong key then finds no row whether or
 * not its id exists, where fetching the row first told by 17 µs which ids do. What time might tell of a hash gives nobody its secret.
 * @throws HubError `unauthorized` for a key that is wrong or revoked, `forbidden` for one that has expired or whose device is inactive
 */
export async function authenticateKey(db: Db, api_key: string): Promise<DevicePrincipal> {
  const [, key_id = '', secret = ''] = keyPattern.exec(api_key) ?? []
  const [row] = await findKey(db, { key_id, hash: hashOf(secret) })
  if (!row || row.revoked_at !== null) throw new HubError('unauthorized', 'The API key is not valid.')
  if (row.expires_at !== null && row.expires_at <= Date.now())
    throw new HubError('forbidden', 'The API key has expired.')
  if (row.status === 'inactive') throw new HubError('forbidden', 'The device is inactive.')
  return { kind: 'device', id: row.id, num: row.num, home_id: row.home_id, key_id, expires_at: row.expires_at }
}

const findKey = prepare((db, { key_id, hash }: { key_id: string; hash: Buffer }) =>
  db
    .selectFrom('device_keys')
    .innerJoin('devices', 'devices.id', 'device_keys.device_id')
    .select(['device_keys.expires_at', 'device_keys.revoked_at'])
    .select(['devices.id', 'devices.num', 'devices.home_id', 'devices.status'])
    .where('device_keys.id', '=', key_id)
    .where('device_keys.hash', '=', hash),
)

/** Adds uses to keys: key id → how often and when last. Kept in memory and written now and then by a job. */
export async function recordUses(db: Db, uses: ReadonlyMap<string, { count: number; at: number }>): Promise<void> {
  await Promise.all(
    [...uses].map(([id, { count, at }]) =>
      db
        .updateTable('device_keys')
        .set(eb => ({ use_count: eb('use_count', '+', count), last_used_at: at }))
        .where('id', '=', id)
        .execute(),
    ),
  )
}

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
