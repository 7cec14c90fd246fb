import type { Insertable, Selectable } from 'kysely'
import { isWithin } from '../devices/reach.js'
import { HubError, notFound } from '../errors.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { Reach } from '../rights.js'
import type { RecordingStatus } from '../store/audio-tables.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import type { Fault, Result } from './result.js'

export type Recording = Selectable<Tables['recordings']>

/** A recording as everybody sees it. */
export function shown({ alerted: _, enqueued_at: __, ...recording }: Recording) {
  return recording
}

/** Where the sound of a recording is kept. */
export const keyOf = ({ id }: Pick<Recording, 'id'>) => `recordings/${id}`
/** Below which everything in the object store is ours. */
export const keyPrefix = 'recordings/'

/** Recordings of a device that may be waiting for their sound, or for somebody to listen. */
const maxOpen = 100

/** @throws HubError `conflict` when 100 of the device are open already */
export async function insertRecording(db: Db, row: Insertable<Tables['recordings']>): Promise<Recording> {
  return inTransaction(db, async tx => {
    const { open } = await tx
      .selectFrom('recordings')
      .select(eb => eb.fn.countAll<number>().as('open'))
      .where('device_id', '=', row.device_id)
      .where('status', 'in', ['waiting', 'queued'])
      .executeTakeFirstOrThrow()
    if (open >= maxOpen) throw new HubError('conflict', `${maxOpen} recordings of this device are under way already.`)
    return tx.insertInto('recordings').values(row).returningAll().executeTakeFirstOrThrow()
  })
}

export const findRecording = (db: Db, id: string): Promise<Recording | undefined> =>
  db.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst()

/** @throws HubError `not_found` */
export async function getRecording(db: Db, id: string): Promise<Recording> {
  const row = await findRecording(db, id)
  if (!row) throw notFound('recording')
  return row
}

interface Filter extends PageRequest {
  readonly reach: Reach
  readonly device_id?: string | undefined
  readonly home_id?: string | undefined
  readonly status?: RecordingStatus | undefined
}

/** The newest first, of devices that are now where somebody may look. */
export async function listRecordings(db: Db, filter: Filter): Promise<Page<Recording>> {
  const { reach, limit, cursor, device_id, home_id, status } = filter
  let query = db
    .selectFrom('recordings')
    .innerJoin('devices', 'devices.id', 'recordings.device_id')
    .selectAll('recordings')
    .where(isWithin(reach))
  if (device_id) query = query.where('recordings.device_id', '=', device_id)
  if (home_id) query = query.where('devices.home_id', '=', home_id)
  if (status) query = query.where('recordings.status', '=', status)
  if (cursor) query = query.where('recordings.id', '<', decodeCursor(cursor, 'string'))
  const large = ['recordings.result', 'recordings.error']
  return readPage(query.orderBy('recordings.id', 'desc'), { limit, keyOf: row => row.id, large })
}

/** Moves a recording on from a status. @returns it as it is now, or undefined when it was not so */
async function move(
  db: Db,
  id: string,
  from: RecordingStatus,
  set: Partial<Recording>,
): Promise<Recording | undefined> {
  return db
    .updateTable('recordings')
    .set(set)
    .where('id', '=', id)
    .where('status', '=', from)
    .returningAll()
    .executeTakeFirst()
}

/** Its sound is there. */
export const queueRecording = (db: Db, id: string) => move(db, id, 'waiting', { status: 'queued' })

/** What failed is to be tried once more. */
export const requeueRecording = (db: Db, id: string) =>
  move(db, id, 'failed', { status: 'queued', settled_at: null, enqueued_at: null, error: null })

/** It ends here, once: whoever comes later finds it settled. */
export const settleRecording = (
  db: Db,
  id: string,
  attempts: number,
  end: { readonly result: Result } | { readonly error: Fault },
) =>
  move(db, id, 'queued', {
    status: 'result' in end ? 'done' : 'failed',
    settled_at: Date.now(),
    attempts,
    result: null,
    error: null,
    ...end,
  })

/** It was handed to the queue. */
export async function markEnqueued(db: Db, id: string): Promise<void> {
  await db.updateTable('recordings').set({ enqueued_at: Date.now() }).where('id', '=', id).execute()
}

/** The alerts of so many of its detections have been raised; for the commit that raises one. */
export const markAlerted = (db: Db, id: string, alerted: number) =>
  db.updateTable('recordings').set({ alerted }).where('id', '=', id).execute()
