import { type Selectable, sql, type Updateable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { getHome } from '../homes/homes.js'
import { checkRoomIn } from '../homes/rooms.js'
import { newId } from '../ids.js'
import type { PresenceStatus } from '../inbound.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { Reach } from '../rights.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { deleteAllReadings } from '../telemetry/delete.js'
import { isWithin } from './reach.js'

type DeviceRow = Selectable<Tables['devices']>

/** A device as the API shows it. */
export interface Device extends Omit<DeviceRow, 'num'> {
  readonly connected: boolean
  readonly presence: PresenceStatus
  /** Milliseconds since 1970; null before the first connection. */
  readonly last_seen_at: number | null
}

export interface NewDevice {
  readonly id?: string | undefined
  readonly name: string
  readonly type: string
  readonly home_id: string
  readonly room_id?: string | null | undefined
  readonly location?: string | null | undefined
}

export type DeviceChanges = Pick<
  Updateable<Tables['devices']>,
  'name' | 'type' | 'home_id' | 'room_id' | 'location' | 'status' | 'twin_policy' | 'retention' | 'retention_fields'
>

export interface DeviceFilter extends PageRequest {
  readonly reach: Reach
  readonly group_id?: string | undefined
  readonly home_id?: string | undefined
  readonly room_id?: string | undefined
  readonly type?: string | undefined
  readonly status?: DeviceRow['status'] | undefined
  readonly connected?: boolean | undefined
  /** Part of an id or a name, taken literally. */
  readonly q?: string | undefined
}

const shown = (db: Db) =>
  db
    .selectFrom('devices')
    .leftJoin('presence', 'presence.device_id', 'devices.id')
    .selectAll('devices')
    .select(['presence.status as presence', 'presence.last_seen_at'])

function deviceOf(row: DeviceRow & { presence: Device['presence'] | null; last_seen_at: number | null }): Device {
  const { num: _, ...device } = row
  const presence = row.presence ?? 'offline'
  return { ...device, presence, connected: presence === 'online' }
}

/** What routes have in the place of a device's id: a device of such an id could not be read. */
export const reserved: ReadonlySet<string> = new Set(['aggregated', 'config', 'heartbeat', 'register', 'status'])

/** @throws HubError `conflict` when the id is taken; `invalid_request` when it is reserved, or the home has no such room; `not_found` for the home */
export async function createDevice(db: Db, device: NewDevice): Promise<Device> {
  const id = device.id ?? newId()
  if (reserved.has(id)) throw new HubError('invalid_request', `"${id}" is a word of the API, and no id of a device.`)
  const now = Date.now()
  const { name, type, home_id, room_id = null, location = null } = device
  await getHome(db, home_id)
  if (room_id !== null) await checkRoomIn(db, home_id, room_id)
  await db
    .insertInto('devices')
    .values({ id, name, type, home_id, room_id, location, status: 'active', created_at: now, updated_at: now })
    .execute()
    .catch(error => {
      throw error instanceof HubError && error.code === 'conflict'
        ? new HubError('conflict', `There is a device ${id} already.`)
        : error
    })
  return getDevice(db, id)
}

/** @throws HubError `not_found` */
export async function getDevice(db: Db, id: string): Promise<Device> {
  const row = await shown(db).where('devices.id', '=', id).executeTakeFirst()
  if (!row) throw notFound('device')
  return deviceOf(row)
}

export async function listDevices(db: Db, filter: DeviceFilter): Promise<Page<Device>> {
  let query = shown(db).orderBy('devices.id')
  if (filter.reach) query = query.where(isWithin(filter.reach))
  if (filter.group_id) {
    const held = db.selectFrom('group_devices').select('device_id').where('group_id', '=', filter.group_id)
    query = query.where('devices.id', 'in', held)
  }
  if (filter.home_id) query = query.where('devices.home_id', '=', filter.home_id)
  if (filter.room_id) query = query.where('devices.room_id', '=', filter.room_id)
  if (filter.type) query = query.where('devices.type', '=', filter.type)
  if (filter.status) query = query.where('devices.status', '=', filter.status)
  if (filter.cursor) query = query.where('devices.id', '>', decodeCursor(filter.cursor, 'string'))
  if (filter.connected === true) query = query.where('presence.status', '=', 'online')
  if (filter.connected === false) {
    query = query.where(eb => eb.or([eb('presence.status', 'is', null), eb('presence.status', '!=', 'online')]))
  }
  // As SQLite's lower() does it: only A to Z, and É stays what it is on both sides.
  const q = filter.q?.replace(/[A-Z]/g, letter => letter.toLowerCase())
  if (q) {
    query = query.where(eb =>
      eb.or([
        eb(eb.fn<number>('instr', ['devices.id', eb.val(q)]), '>', 0),
        eb(eb.fn<number>('instr', [eb.fn('lower', ['devices.name']), eb.val(q)]), '>', 0),
      ]),
    )
  }
  const page = await readPage(query, {
    limit: filter.limit,
    keyOf: row => row.id,
    large: ['hello', 'retention_fields'],
  })
  return { ...page, rows: page.rows.map(deviceOf) }
}

/**
 * Changes a device. In another home it is in no room unless one is given; its readings and its history go with it, and so does what is
 * told of it from now on. To be called in a transaction.
 * @returns the device, and the home it was in
 * @throws HubError `not_found`; `invalid_request` when the home has no such room
 */
export async function updateDevice(
  db: Db,
  id: string,
  changes: DeviceChanges,
): Promise<{ device: Device; from: string }> {
  const before = await getDevice(db, id)
  const { home_id = before.home_id } = changes
  const moves = home_id !== before.home_id
  const room_id = changes.room_id === undefined && moves ? null : changes.room_id
  if (moves) await moveRows(db, id, home_id)
  if (room_id) await checkRoomIn(db, home_id, room_id)
  await db
    .updateTable('devices')
    .set({ ...changes, ...(room_id === undefined ? {} : { room_id }), updated_at: Date.now() })
    .where('id', '=', id)
    .execute()
  return { device: await getDevice(db, id), from: before.home_id }
}

/** What is told of a device is told in its home. */
async function moveRows(db: Db, device_id: string, home_id: string): Promise<void> {
  await getHome(db, home_id)
  for (const table of ['presence', 'vitals', 'device_state'] as const)
    await db.updateTable(table).set({ home_id }).where('device_id', '=', device_id).execute()
  await db
    .updateTable('commands')
    .set({ home_id })
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .execute()
  await db
    .updateTable('alerts')
    .set({ home_id })
    .where('device_id', '=', device_id)
    .where('closed_at', 'is', null)
    .execute()
  await db
    .updateTable('recordings')
    .set({ home_id })
    .where('device_id', '=', device_id)
    .where('settled_at', 'is', null)
    .execute()
}

/** What grows without end beside the telemetry. The rest of a device goes with its row. */
const grown = [
  'heartbeats',
  'events',
  'device_log',
  'quarantine',
  'commands',
  'alerts',
  'recordings',
  'state_changes',
  'presence_changes',
] as const
const deletedAtOnce = 500

/**
 * Deletes a device with everything it ever said: in steps, which may be millions of rows, and the device last. What a crash interrupts
 * is a device without keys that can be deleted again.
 * @param cut called when none of its keys works any more: ends its connections, so that nothing more comes in
 * @throws HubError `not_found`
 */
export async function deleteDevice(db: Db, id: string, cut: () => void): Promise<void> {
  const { num } = await findDevice(db, id)
  await db.deleteFrom('device_keys').where('device_id', '=', id).execute()
  cut()
  await deleteAllReadings(db, num)
  for (const table of grown) await deleteGrown(db, table, id)
  await db.deleteFrom('devices').where('num', '=', num).execute()
  // A request that showed its key before that was deleted may have stored its readings only now.
  await deleteAllReadings(db, num)
}

async function deleteGrown(db: Db, table: (typeof grown)[number], id: string): Promise<void> {
  const from = sql.table(table)
  await inSteps(deletedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from ${from}
      where id in (select id from ${from} where device_id = ${id} limit ${most})`.execute(db)
    return numAffectedRows
  })
}

/** Where a device lives, with the time zone of its home, and the number of its telemetry. */
type DevicePlace = Pick<DeviceRow, 'id' | 'num' | 'home_id'> & { readonly timezone: string }

const places = (db: Db) =>
  db
    .selectFrom('devices')
    .innerJoin('homes', 'homes.id', 'devices.home_id')
    .select(['devices.id', 'devices.num', 'devices.home_id', 'homes.timezone'])

const placeOf = prepare((db, { id }: { id: string }) => places(db).where('devices.id', '=', id))

/** @throws HubError `not_found` */
export async function findDevice(db: Db, id: string): Promise<DevicePlace> {
  const [device] = await placeOf(db, { id })
  if (!device) throw notFound('device')
  return device
}

/** The same of several, in the order of the ids; those that are not there are left out. */
export async function findDevices(db: Db, ids: readonly string[]): Promise<DevicePlace[]> {
  const found = await places(db).where('devices.id', 'in', ids).execute()
  const byId = new Map(found.map(device => [device.id, device]))
  return ids.flatMap(id => byId.get(id) ?? [])
}
