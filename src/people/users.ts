import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { hashPassword, newPassword, nobodysHash, verifyPassword } from './passwords.js'

/** A person as the API shows them. */
export type User = Omit<Selectable<Tables['users']>, 'password_hash'>

function userOf({ password_hash: _, ...user }: Selectable<Tables['users']>): User {
  return user
}

export async function createUser(
  db: Db,
  { email, username, password, role }: { email: string; username: string; password: string; role: User['role'] },
): Promise<User> {
  const now = Date.now()
  const row = { id: newId(), email, username, role, status: 'active' as const, created_at: now, updated_at: now }
  await db
    .insertInto('users')
    .values({ ...row, password_hash: await hashPassword(password) })
    .execute()
  return row
}

/** @throws HubError `not_found` */
export async function getUser(db: Db, id: string): Promise<User> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('user')
  return userOf(row)
}

/** One answer for an unknown user and a wrong password, after the same work. @throws HubError `unauthorized` */
export async function checkPassword(db: Db, login: string, password: string): Promise<User> {
  const row = await db
    .selectFrom('users')
    .selectAll()
    .where(eb => eb.or([eb('email', '=', login), eb('username', '=', login)]))
    .executeTakeFirst()
  const right = await verifyPassword(row?.password_hash ?? (await nobodysHash), password)
  if (!row || !right || row.status !== 'active')
    throw new HubError('unauthorized', 'The name or the password is wrong.')
  return userOf(row)
}

/**
 * Makes the first administrator when nobody is there yet: from the configuration, or with a password that is returned to be shown once.
 */
export async function ensureAdministrator(
  db: Db,
  configured: { email: string; password: string } | null,
): Promise<{ email: string; password: string } | null> {
  const anybody = await db.selectFrom('users').select('id').limit(1).executeTakeFirst()
  if (anybody) return null
  const { email, password } = configured ?? { email: 'admin@hearth.local', password: newPassword() }
  await createUser(db, { email, username: 'admin', password, role: 'admin' })
  return configured ? null : { email, password }
}
