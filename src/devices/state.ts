import { isDeepStrictEqual } from 'node:util'
import { type Selectable, sql } from 'kysely'
import { HubError } from '../errors.js'
import { isObject, type JsonObject, mergePatch } from '../json.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { homeNow } from './reach.js'

export type DeviceState = Selectable<Tables['device_state']>

/** The size of a merged state, in bytes of JSON: a device that keeps adding names must end somewhere. */
const maxStateBytes = 64 * 1024

const empty = (device_id: string, home_id: string): DeviceState => ({
  device_id,
  home_id,
  reported: {},
  reported_version: 0,
  reported_at: null,
  desired: {},
  desired_version: 0,
  desired_at: null,
})

/**
 * Merges what a device reports into its state, by JSON Merge Patch (RFC 7396): null removes a name.
 * @returns the whole state; undefined when it would grow beyond 64 KiB, and then nothing has changed
 */
export const mergeReported = (
  db: Db,
  device: { id: string; home_id: string },
  patch: JsonObject,
  at: number,
): Promise<DeviceState | undefined> => merge(db, device, 'reported', patch, at)

/**
 * Merges a wish into the desired state. @returns the whole state
 * @throws HubError `payload_too_large` when it would grow beyond 64 KiB
 */
export async function mergeDesired(
  db: Db,
  device: { id: string; home_id: string },
  patch: JsonObject,
): Promise<DeviceState> {
  const state = await merge(db, device, 'desired', patch, Date.now())
  if (!state) throw new HubError('payload_too_large', `A state may hold ${maxStateBytes} bytes.`)
  return state
}

/** `merge_patch` is the store's: SQLite's json_patch takes quadratic time. */
async function merge(
  db: Db,
  { id, home_id }: { id: string; home_id: string },
  part: 'reported' | 'desired',
  patch: JsonObject,
  at: number,
): Promise<DeviceState | undefined> {
  const first = mergePatch({}, patch)
  if (Buffer.byteLength(JSON.stringify(first)) > maxStateBytes) return undefined
  const merged = sql<JsonObject>`merge_patch(${sql.ref(part)}, ${JSON.stringify(patch)})`
  const version = `${part}_version` as const
  return db
    .insertInto('device_state')
    .values({ ...empty(id, home_id), home_id: homeNow(id), [part]: first, [version]: 1, [`${part}_at`]: at })
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({ [part]: merged, [version]: sql<number>`${sql.ref(version)} + 1`, [`${part}_at`]: at })
        .where(sql<number>`octet_length(${merged})`, '<=', maxStateBytes),
    )
    .returningAll()
    .executeTakeFirst()
}

/** The state of a device; empty when it never reported. */
export async function getState(db: Db, device: { id: string; home_id: string }): Promise<DeviceState> {
  const row = await db.selectFrom('device_state').selectAll().where('device_id', '=', device.id).executeTakeFirst()
  return row ?? empty(device.id, device.home_id)
}

/** What is wished and not so yet: the names of `desired` whose reported value differs, nested objects likewise. */
export function openDifference(desired: JsonObject, reported: JsonObject): JsonObject {
  const open: JsonObject = {}
  for (const [name, wish] of Object.entries(desired)) {
    const actual = reported[name]
    if (isDeepStrictEqual(wish, actual)) continue
    const inner = isObject(wish) && isObject(actual) ? openDifference(wish, actual) : wish
    if (!isObject(inner) || Object.keys(inner).length > 0) open[name] = inner
  }
  return open
}

/** The payload of the `desired` topic: the open difference with its version, `{}` when there is none. */
export function desiredPayload(state: DeviceState): string {
  const desired = openDifference(state.desired, state.reported)
  return Object.keys(desired).length === 0 ? '{}' : JSON.stringify({ version: state.desired_version, desired })
}
