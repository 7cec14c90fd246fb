import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import type { HomeRole } from '../principal.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import type { Home } from './homes.js'

/** Somebody's place in a home, with the name that the others know them by. */
export type Member = Omit<Selectable<Tables['members']>, 'home_id'> & { readonly username: string }

export const listMembers = (db: Db, home_id: string): Promise<Member[]> =>
  db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['members.user_id', 'members.role', 'members.created_at', 'users.username'])
    .where('members.home_id', '=', home_id)
    .orderBy('members.user_id')
    .execute()

/**
 * Makes somebody a member of a home, or changes as what. To be called in a transaction.
 * @throws HubError `not_found` when there is no such person; `conflict` when the home would have no owner any more
 */
export async function setMember(db: Db, home_id: string, user_id: string, role: HomeRole): Promise<Member> {
  const known = await db.selectFrom('users').select('id').where('id', '=', user_id).executeTakeFirst()
  if (!known) throw notFound('user')
  if (role !== 'owner') await endOwnership(db, home_id, user_id)
  await db
    .insertInto('members')
    .values({ home_id, user_id, role, created_at: Date.now() })
    .onConflict(conflict => conflict.columns(['user_id', 'home_id']).doUpdateSet({ role }))
    .execute()
  const member = (await listMembers(db, home_id)).find(one => one.user_id === user_id)
  if (!member) throw notFound('member')
  return member
}

/** @throws HubError `not_found`; `conflict` for the last owner */
export async function removeMember(db: Db, home_id: string, user_id: string): Promise<void> {
  await endOwnership(db, home_id, user_id)
  const { numDeletedRows } = await db
    .deleteFrom('members')
    .where('home_id', '=', home_id)
    .where('user_id', '=', user_id)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound('member')
}

/** Who owns a home no longer lets no devices into it either: the claim codes that wait go. */
async function endOwnership(db: Db, home_id: string, user_id: string): Promise<void> {
  await checkOwnerLeft(db, home_id, user_id)
  await db
    .deleteFrom('claim_codes')
    .where('home_id', '=', home_id)
    .where('created_by', '=', user_id)
    .where('used_at', 'is', null)
    .execute()
}

async function checkOwnerLeft(db: Db, home_id: string, without: string): Promise<void> {
  const owners = await db
    .selectFrom('members')
    .select('user_id')
    .where('home_id', '=', home_id)
    .where('role', '=', 'owner')
    .execute()
  if (owners.length === 1 && owners[0]?.user_id === without)
    throw new HubError('conflict', 'This is the last owner of the home.')
}

const findHomes = prepare((db, { user_id }: { user_id: string }) =>
  db.selectFrom('members').select(['home_id', 'role']).where('user_id', '=', user_id),
)

/** The homes of a person: home id → role. */
export async function homesOf(db: Db, user_id: string): Promise<ReadonlyMap<string, HomeRole>> {
  const rows = await findHomes(db, { user_id })
  return new Map(rows.map(({ home_id, role }) => [home_id, role]))
}

/** The people of a home. */
export async function membersOf(db: Db, home_id: string): Promise<string[]> {
  const rows = await db.selectFrom('members').select('user_id').where('home_id', '=', home_id).execute()
  return rows.map(({ user_id }) => user_id)
}

/** Where somebody works, and as what. */
export async function listAssignments(
  db: Db,
  user_id: string,
): Promise<{ home: Home; role: HomeRole; since: number }[]> {
  const rows = await db
    .selectFrom('members')
    .innerJoin('homes', 'homes.id', 'members.home_id')
    .selectAll('homes')
    .select(['members.role', 'members.created_at as since'])
    .where('members.user_id', '=', user_id)
    .orderBy('homes.id')
    .execute()
  return rows.map(({ role, since, ...home }) => ({ home, role, since }))
}
