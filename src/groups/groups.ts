import { type Selectable, sql } from 'kysely'
import { isWithin } from '../devices/reach.js'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { Reach } from '../rights.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

export type Group = Selectable<Tables['device_groups']>
/** A device of a group, and where it is. */
export interface GroupDevice {
  readonly id: string
  readonly home_id: string
}

const maxDevices = 1000

export async function createGroup(
  db: Db,
  wanted: Pick<Group, 'name' | 'description' | 'colour' | 'user_id'>,
): Promise<Group> {
  const now = Date.now()
  const group = { id: newId(), ...wanted, created_at: now, updated_at: now }
  await db.insertInto('device_groups').values(group).execute()
  return group
}

/** @throws HubError `not_found` */
export async function getGroup(db: Db, id: string): Promise<Group> {
  const group = await db.selectFrom('device_groups').selectAll().where('id', '=', id).executeTakeFirst()
  if (!group) throw notFound('group')
  return group
}

export const devicesOf = (db: Db, group_id: string): Promise<GroupDevice[]> =>
  db
    .selectFrom('group_devices')
    .innerJoin('devices', 'devices.id', 'group_devices.device_id')
    .select(['devices.id', 'devices.home_id'])
    .where('group_devices.group_id', '=', group_id)
    .orderBy('devices.id')
    .execute()

/**
 * The groups that somebody sees: those they made, and those of which they may read every device.
 * @param viewer.user_id who may have made some; null for a program
 */
export async function listGroups(
  db: Db,
  { viewer, device_id, limit, cursor }: PageRequest & { viewer: Viewer; device_id?: string },
): Promise<Page<Group>> {
  let query = db.selectFrom('device_groups').selectAll().orderBy('id')
  if (viewer.reach) query = query.where(isSeenBy(viewer))
  if (device_id !== undefined) {
    const within = db.selectFrom('group_devices').select('group_id').where('device_id', '=', device_id)
    query = query.where('id', 'in', within)
  }
  if (cursor) query = query.where('id', '>', decodeCursor(cursor, 'string'))
  return readPage(query, { limit, keyOf: row => row.id })
}

/** Who looks at groups. */
export interface Viewer {
  readonly user_id: string | null
  readonly reach: Reach
}

function isSeenBy({ user_id, reach }: Viewer) {
  const held = sql`select 1 from group_devices join devices on devices.id = group_devices.device_id
    where group_devices.group_id = device_groups.id`
  return sql<boolean>`(device_groups.user_id = ${user_id}
    or (exists (${held}) and not exists (${held} and not ${isWithin(reach)})))`
}

/** Whether somebody sees a group. */
export async function seesGroup(db: Db, viewer: Viewer, id: string): Promise<boolean> {
  if (!viewer.reach) return true
  const row = await db
    .selectFrom('device_groups')
    .select('id')
    .where('id', '=', id)
    .where(isSeenBy(viewer))
    .executeTakeFirst()
  return row !== undefined
}

/** @throws HubError `not_found` */
export async function updateGroup(
  db: Db,
  id: string,
  changes: Partial<Pick<Group, 'name' | 'description' | 'colour'>>,
): Promise<Group> {
  await db
    .updateTable('device_groups')
    .set({ ...changes, updated_at: Date.now() })
    .where('id', '=', id)
    .execute()
  return getGroup(db, id)
}

/** The devices stay. */
export async function deleteGroup(db: Db, id: string): Promise<void> {
  await db.deleteFrom('device_groups').where('id', '=', id).execute()
}

/** A device that is in it already stays so. @throws HubError `conflict` when the group holds 1000 devices */
export async function addToGroup(db: Db, group_id: string, device_id: string): Promise<void> {
  const held = await devicesOf(db, group_id)
  if (held.length >= maxDevices) throw new HubError('conflict', `The group holds ${maxDevices} devices already.`)
  await db
    .insertInto('group_devices')
    .values({ group_id, device_id, created_at: Date.now() })
    .onConflict(conflict => conflict.columns(['group_id', 'device_id']).doNothing())
    .execute()
}

/** @throws HubError `not_found` when the device is not in it */
export async function removeFromGroup(db: Db, group_id: string, device_id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('group_devices')
    .where('group_id', '=', group_id)
    .where('device_id', '=', device_id)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound('device in this group')
}
