import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

export type Room = Selectable<Tables['rooms']>

const maxRooms = 1000

/** @throws HubError `conflict` when the home has 1000 rooms */
export async function createRoom(db: Db, home_id: string, name: string): Promise<Room> {
  const rooms = await listRooms(db, home_id)
  if (rooms.length >= maxRooms) throw new HubError('conflict', `The home has ${maxRooms} rooms already.`)
  const now = Date.now()
  const room = { id: newId(), home_id, name, created_at: now, updated_at: now }
  await db.insertInto('rooms').values(room).execute()
  return room
}

export const listRooms = (db: Db, home_id: string): Promise<Room[]> =>
  db.selectFrom('rooms').selectAll().where('home_id', '=', home_id).orderBy('name').orderBy('id').execute()

/** @throws HubError `not_found` */
export async function getRoom(db: Db, id: string): Promise<Room> {
  const room = await db.selectFrom('rooms').selectAll().where('id', '=', id).executeTakeFirst()
  if (!room) throw notFound('room')
  return room
}

/** @throws HubError `invalid_request` when the room is not in this home */
export async function checkRoomIn(db: Db, home_id: string, room_id: string): Promise<void> {
  const room = await db.selectFrom('rooms').select('home_id').where('id', '=', room_id).executeTakeFirst()
  if (room?.home_id !== home_id) throw new HubError('invalid_request', 'The home has no such room.', ['body/room_id'])
}

/** @throws HubError `not_found` */
export async function updateRoom(db: Db, id: string, name: string): Promise<Room> {
  await db.updateTable('rooms').set({ name, updated_at: Date.now() }).where('id', '=', id).execute()
  return getRoom(db, id)
}

/** Its devices stay in the home, in no room. */
export async function deleteRoom(db: Db, id: string): Promise<void> {
  for (const table of ['devices', 'claim_codes'] as const)
    await db.updateTable(table).set({ room_id: null }).where('room_id', '=', id).execute()
  await db.deleteFrom('rooms').where('id', '=', id).execute()
}
