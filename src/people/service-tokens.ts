import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { ServicePrincipal } from '../principal.js'
import { newSecret, parseSecret } from '../secrets.js'
import { readPage } from '../store/pages.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A service token as the API shows it: never its secret. */
export type ServiceToken = Omit<Selectable<Tables['service_tokens']>, 'hash'>

export type NewServiceToken = Pick<ServiceToken, 'name' | 'publish' | 'subscribe' | 'api' | 'expires_at' | 'created_by'>

export const looksLikeServiceToken = (text: string) => text.startsWith('hs_')

/** Makes a token for a program. Its secret is returned here and never again. */
export async function createServiceToken(
  db: Db,
  wanted: NewServiceToken,
): Promise<{ token: ServiceToken; secret: string }> {
  const { id, hash, text } = newSecret('hs')
  const token = { id, ...wanted, created_at: Date.now(), revoked_at: null, last_used_at: null, use_count: 0 }
  await db
    .insertInto('service_tokens')
    .values({ ...token, hash })
    .execute()
  return { token, secret: text }
}

export async function listServiceTokens(db: Db, { limit, cursor }: PageRequest): Promise<Page<ServiceToken>> {
  let query = shown(db).orderBy('id')
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id })
}

const shown = (db: Db) =>
  db
    .selectFrom('service_tokens')
    .select(['id', 'name', 'publish', 'subscribe', 'api', 'created_by', 'created_at', 'expires_at', 'revoked_at'])
    .select(['last_used_at', 'use_count'])

/** @throws HubError `not_found` when there is no such token in force */
export async function revokeServiceToken(db: Db, id: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('service_tokens')
    .set({ revoked_at: Date.now() })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw notFound('token')
}

const findToken = prepare((db, { id, hash }: { id: string; hash: Buffer }) =>
  db
    .selectFrom('service_tokens')
    .select(['id', 'name', 'publish', 'subscribe', 'api', 'expires_at', 'revoked_at'])
    .where('id', '=', id)
    .where('hash', '=', hash),
)

/**
 * Finds the program that a service token belongs to; the database compares the hash, as it does for API keys.
 * @throws HubError `unauthorized` for a token that is wrong or revoked, `forbidden` for one that has expired
 */
export async function findService(db: Db, secret: string): Promise<ServicePrincipal> {
  const [row] = await findToken(db, parseSecret(secret))
  if (!row || row.revoked_at !== null) throw new HubError('unauthorized', 'The service token is not valid.')
  const { revoked_at: _, ...token } = row
  return { kind: 'service', ...token }
}

/** The program that a token of this id belongs to, while it is in force; null when there is none. */
export async function serviceInForce(db: Db, id: string, now: number): Promise<ServicePrincipal | null> {
  const token = await db
    .selectFrom('service_tokens')
    .select(['id', 'name', 'publish', 'subscribe', 'api', 'expires_at'])
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .executeTakeFirst()
  return token ? { kind: 'service', ...token } : null
}
