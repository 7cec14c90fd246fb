import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { hashPassword, newPassword, nobodysHash, verifyPassword } from './passwords.js'

type Row = Selectable<Tables['users']>

/** A person as the API shows them. */
export type User = Omit<Row, 'password_hash' | 'token_version'>

export interface NewUser {
  readonly email: string
  readonly username: string
  /** Made before any transaction begins: it takes its time. */
  readonly password_hash: string
  readonly role: User['role']
}

export type UserChanges = { [K in keyof NewUser]?: NewUser[K] | undefined } & { status?: User['status'] }

function userOf({ password_hash: _, token_version: __, ...user }: Row): User {
  return user
}

const taken = (error: unknown) => {
  throw error instanceof HubError && error.code === 'conflict'
    ? new HubError('conflict', 'There is somebody with this e-mail address or user name already.')
    : error
}

/** @throws HubError `conflict` when the e-mail address or the user name is taken */
export async function createUser(db: Db, { email, username, role, password_hash }: NewUser): Promise<User> {
  const now = Date.now()
  const row = { id: newId(), email, username, role, status: 'active' as const, created_at: now, updated_at: now }
  await db
    .insertInto('users')
    .values({ ...row, password_hash })
    .execute()
    .catch(taken)
  return row
}

/** @throws HubError `not_found` */
export async function getUser(db: Db, id: string): Promise<User> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw notFound('user')
  return userOf(row)
}

/** @throws HubError `not_found` */
export async function findUser(db: Db, login: string): Promise<User> {
  const row = await byLogin(db, login)
  if (!row) throw notFound('user')
  return userOf(row)
}

/** By e-mail address or user name, which has no `@`. */
const byLogin = (db: Db, login: string): Promise<Row | undefined> =>
  db
    .selectFrom('users')
    .selectAll()
    .where(eb => eb.or([eb('email', '=', login), eb('username', '=', login)]))
    .executeTakeFirst()

export async function listUsers(
  db: Db,
  filter: PageRequest & { role?: User['role'] | undefined },
): Promise<Page<User>> {
  let query = db.selectFrom('users').selectAll().orderBy('id')
  if (filter.role) query = query.where('role', '=', filter.role)
  if (filter.cursor) query = query.where('id', '>', decodeCursor(filter.cursor, 'string'))
  const page = await readPage(query, { limit: filter.limit, keyOf: row => row.id })
  return { ...page, rows: page.rows.map(userOf) }
}

export const wrongPassword = () => new HubError('unauthorized', 'The name or the password is wrong.')

/** Somebody whose password was right, as they were when it was looked at. */
export type Known = User & { readonly token_version: number }

/** One answer for an unknown user and a wrong password, after the same work. @throws HubError `unauthorized` */
export async function checkPassword(db: Db, login: string, password: string): Promise<Known> {
  const row = await byLogin(db, login)
  const right = await verifyPassword(row?.password_hash ?? nobodysHash, password)
  if (!row || !right || row.status !== 'active') throw wrongPassword()
  return { ...userOf(row), token_version: row.token_version }
}

/**
 * Changes a person. What they log in with, their role and their status end the access tokens that were given out before.
 * @throws HubError `not_found`; `conflict` when a name is taken, or when no active administrator would be left
 */
export async function updateUser(db: Db, id: string, changes: UserChanges): Promise<User> {
  const { role, status, password_hash } = changes
  if ((role !== undefined && role !== 'admin') || status === 'inactive') await checkAdministratorLeft(db, id)
  const ends = password_hash !== undefined || role !== undefined || status !== undefined
  const row = await db
    .updateTable('users')
    .set(eb => ({
      ...changes,
      ...(ends ? { token_version: eb('token_version', '+', 1) } : {}),
      updated_at: Date.now(),
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
    .catch(taken)
  if (!row) throw notFound('user')
  return userOf(row)
}

/** @throws HubError `not_found`; `conflict` for the last active administrator */
export async function deleteUser(db: Db, id: string): Promise<void> {
  await checkAdministratorLeft(db, id)
  await db.deleteFrom('claim_codes').where('created_by', '=', id).where('used_at', 'is', null).execute()
  const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', id).executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound('user')
}

/** To be called in the transaction that takes the administrator away. */
async function checkAdministratorLeft(db: Db, without: string): Promise<void> {
  const administrators = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .limit(2)
    .execute()
  if (administrators.every(({ id }) => id === without) && administrators.length > 0)
    throw new HubError('conflict', 'This is the last active administrator.')
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
  await createUser(db, { email, username: 'admin', role: 'admin', password_hash: await hashPassword(password) })
  return configured ? null : { email, password }
}

/** Who has been an active administrator for longest: there is always one (`checkAdministratorLeft`). */
export const firstAdministrator = (db: Db): Promise<Pick<User, 'id'>> =>
  db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirstOrThrow()

/** Takes back the administrator that was made at a start which then failed. */
export async function forgetAdministrator(db: Db, email: string): Promise<void> {
  await db.deleteFrom('users').where('email', '=', email).execute()
}
