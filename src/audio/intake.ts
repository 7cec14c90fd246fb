import { HubError } from '../errors.js'
import { newSortableId } from '../ids.js'
import type { Objects, SignedRequest } from '../objects/objects.js'
import type { Db } from '../store/store.js'
import { isOfType, magicBytes } from './decode.js'
import { insertRecording, keyOf, type Recording } from './rows.js'

export interface NewRecording {
  readonly device_id: string
  readonly home_id: string
  readonly content_type: string
  readonly bytes: number
  readonly sha256: string | null
  /** Milliseconds since 1970. */
  readonly recorded_at: number
}

/** How long it may be uploaded, in milliseconds. */
const uploadMs = 15 * 60_000
/** How long its sound may be fetched with one address. */
const downloadMs = 10 * 60_000

/** Writes down that there will be a recording, and says where its sound belongs. */
export async function announce(
  db: Db,
  objects: Objects,
  wanted: NewRecording,
): Promise<{ recording: Recording; upload: SignedRequest }> {
  const now = Date.now()
  const id = newSortableId()
  const upload_until = now + uploadMs
  const settled = { enqueued_at: null, settled_at: null, result: null, error: null, deleted_at: null }
  const upload = await objects.signPut({ key: keyOf({ id }), ...wanted }, upload_until)
  const recording = await insertRecording(db, {
    id,
    ...wanted,
    status: 'waiting',
    created_at: now,
    upload_until,
    ...settled,
  })
  return { recording, upload }
}

/** @throws HubError `conflict` when its sound is not there, or is not what was announced */
export async function checkSound(objects: Objects, recording: Recording): Promise<void> {
  const key = keyOf(recording)
  const bytes = await objects.size(key)
  if (bytes === null) throw new HubError('conflict', 'Its sound has not been uploaded.')
  if (bytes !== recording.bytes)
    throw new HubError('conflict', `What was uploaded has ${bytes} bytes; ${recording.bytes} were announced.`)
  if (!isOfType(await objects.head(key, magicBytes), recording.content_type))
    throw new HubError('conflict', `What was uploaded is no ${recording.content_type}.`)
}

/** Where its sound can be fetched; null when there is none, or none any more. */
export async function linkTo(objects: Objects, recording: Recording): Promise<SignedRequest | null> {
  const { status, deleted_at, content_type } = recording
  if (status === 'waiting' || deleted_at !== null) return null
  return objects.signGet(keyOf(recording), content_type, Date.now() + downloadMs)
}
