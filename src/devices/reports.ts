import type { Selectable } from 'kysely'
import type { JsonObject } from '../json.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { DevicePrincipal } from '../principal.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** What a device tells of itself besides readings and state: hello, heartbeats, events, log lines. */
type Heartbeat = Selectable<Tables['heartbeats']>
export type DeviceEvent = Omit<Selectable<Tables['events']>, 'message_id'>
type LogLine = Omit<Selectable<Tables['device_log']>, 'message_id'>

/** Where a message came from, to know a retransmission when it comes again. */
interface Origin {
  readonly received_at: number
  readonly message_id: number | null
  readonly dup: boolean
}

/** How far back a retransmission is looked for, in milliseconds. */
const retransmissionMs = 10 * 60_000

export async function recordHello(db: Db, device: DevicePrincipal, hello: JsonObject): Promise<void> {
  const { firmware_version, model } = hello
  await db
    .updateTable('devices')
    .set({
      hello,
      ...(typeof firmware_version === 'string' ? { firmware_version } : {}),
      ...(typeof model === 'string' ? { model } : {}),
      updated_at: Date.now(),
    })
    .where('id', '=', device.id)
    .execute()
}

/** Keeps a heartbeat as the latest vitals, unless a newer one is there, and in the history that the log's age limit trims. */
export async function recordHeartbeat(
  db: Db,
  device: DevicePrincipal,
  vitals: JsonObject,
  received_at: number,
): Promise<void> {
  const row = { device_id: device.id, home_id: device.home_id, received_at, vitals }
  const { firmware_version } = vitals
  await Promise.all([
    db
      .insertInto('vitals')
      .values(row)
      .onConflict(conflict =>
        conflict.column('device_id').doUpdateSet(row).where('vitals.received_at', '<=', received_at),
      )
      .execute(),
    db.insertInto('heartbeats').values(row).execute(),
    typeof firmware_version === 'string'
      ? db
          .updateTable('devices')
          .set({ firmware_version })
          .where('id', '=', device.id)
          .where(eb => eb.or([eb('firmware_version', 'is', null), eb('firmware_version', '!=', firmware_version)]))
          .execute()
      : null,
  ])
}

export interface NewEvent {
  readonly kind: string
  readonly ts: number
  readonly data: unknown
}

/** Keeps an event. A retransmission of one that is kept already changes nothing. @returns whether it is new */
export async function recordEvent(db: Db, device: DevicePrincipal, event: NewEvent, origin: Origin): Promise<boolean> {
  if (await isRepeated(db, device, event, origin)) return false
  await insertEvent(db, device, event, origin)
  return true
}

/** Whether an event has come before, and is kept. */
export async function isRepeated(
  db: Db,
  device: DevicePrincipal,
  event: NewEvent,
  { received_at, message_id, dup }: Origin,
): Promise<boolean> {
  if (!dup || message_id === null) return false
  const kept = await db
    .selectFrom('events')
    .select('data')
    .where('device_id', '=', device.id)
    .where('message_id', '=', message_id)
    .where('kind', '=', event.kind)
    .where('received_at', '>=', received_at - retransmissionMs)
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return kept !== undefined && JSON.stringify(kept.data) === JSON.stringify(event.data)
}

/** Keeps an event that has not come before. */
export async function insertEvent(
  db: Db,
  device: Pick<DevicePrincipal, 'id' | 'home_id'>,
  event: NewEvent,
  { received_at, message_id }: Origin,
): Promise<void> {
  const row = { device_id: device.id, home_id: device.home_id, ...event, received_at, message_id }
  // JSON text is written by the store for objects; other JSON values need their quotes here.
  const data = typeof event.data === 'object' && event.data !== null ? event.data : JSON.stringify(event.data)
  await db
    .insertInto('events')
    .values({ ...row, data })
    .execute()
}

/** Keeps a line of the device's own log. A retransmission of one that is kept already changes nothing. */
export async function recordLogLine(
  db: Db,
  device: DevicePrincipal,
  line: { level: string; message: string },
  { received_at, message_id, dup }: Origin,
): Promise<void> {
  if (dup && message_id !== null) {
    const kept = await db
      .selectFrom('device_log')
      .select('message')
      .where('device_id', '=', device.id)
      .where('message_id', '=', message_id)
      .where('received_at', '>=', received_at - retransmissionMs)
      .orderBy('id', 'desc')
      .executeTakeFirst()
    if (kept?.message === line.message) return
  }
  await db
    .insertInto('device_log')
    .values({ device_id: device.id, home_id: device.home_id, received_at, message_id, ...line })
    .execute()
}

/** The newest heartbeats first. */
export async function listHeartbeats(db: Db, device_id: string, page: PageRequest): Promise<Page<Heartbeat>> {
  let query = db.selectFrom('heartbeats').selectAll().where('device_id', '=', device_id)
  if (page.cursor) query = query.where('id', '<', decodeCursor(page.cursor, 'number'))
  return readPage(query.orderBy('id', 'desc'), { limit: page.limit, keyOf: row => row.id, large: ['vitals'] })
}

/** The newest events first. */
export async function listEvents(db: Db, device_id: string, page: PageRequest): Promise<Page<DeviceEvent>> {
  let query = db
    .selectFrom('events')
    .select(['id', 'device_id', 'home_id', 'kind', 'ts', 'received_at', 'data'])
    .where('device_id', '=', device_id)
  if (page.cursor) query = query.where('id', '<', decodeCursor(page.cursor, 'number'))
  return readPage(query.orderBy('id', 'desc'), { limit: page.limit, keyOf: row => row.id, large: ['data'] })
}

/** The newest lines first. */
export async function listLogLines(db: Db, device_id: string, page: PageRequest): Promise<Page<LogLine>> {
  let query = db
    .selectFrom('device_log')
    .select(['id', 'device_id', 'home_id', 'received_at', 'level', 'message'])
    .where('device_id', '=', device_id)
  if (page.cursor) query = query.where('id', '<', decodeCursor(page.cursor, 'number'))
  return readPage(query.orderBy('id', 'desc'), { limit: page.limit, keyOf: row => row.id, large: ['message'] })
}

const trimmedAtOnce = 1000

/** Removes heartbeats and log lines older than `before`. @returns how many */
export async function trimReports(db: Db, before: number): Promise<number> {
  let total = 0
  for (const table of ['heartbeats', 'device_log'] as const) {
    total += await inSteps(trimmedAtOnce, async most => {
      const old = db.selectFrom(table).select('id').where('received_at', '<', before).limit(most)
      const { numDeletedRows } = await db.deleteFrom(table).where('id', 'in', old).executeTakeFirstOrThrow()
      return numDeletedRows
    })
  }
  return total
}
