import { isDeepStrictEqual } from 'node:util'
import { type Selectable, sql } from 'kysely'
import { HubError } from '../errors.js'
import { isObject, type JsonObject } from '../json.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

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
 * @returns the whole state; null when it would grow beyond 64 KiB, and then nothing has changed
 */
export async function mergeReported(db: Db, device: { id: string; home_id: string }, patch: JsonObject, at: number) {
  const json = JSON.stringify(patch)
  const merged = sql<JsonObject>`json_patch(reported, ${json})`
  return db
    .insertInto('device_state')
    .values({
      ...empty(device.id, device.home_id),
      reported: sql<JsonObject>`json_patch('{}', ${json})`,
      reported_version: 1,
      reported_at: at,
    })
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({ reported: merged, reported_version: sql<number>`reported_version + 1`, reported_at: at })
        .where(sql<number>`length(${merged})`, '<=', maxStateBytes),
    )
    .returningAll()
    .executeTakeFirst()
}

/**
 * Merges a wish into the desired state. @returns the whole state
 * @throws HubError `payload_too_large` when it would grow beyond 64 KiB
 */
export async function mergeDesired(
  db: Db,
  device: { id: string; home_id: string },
  patch: JsonObject,
): Promise<DeviceState> {
  const json = JSON.stringify(patch)
  const at = Date.now()
  const merged = sql<JsonObject>`json_patch(desired, ${json})`
  const state = await db
    .insertInto('device_state')
    .values({
      ...empty(device.id, device.home_id),
      desired: sql<JsonObject>`json_patch('{}', ${json})`,
      desired_version: 1,
      desired_at: at,
    })
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({ desired: merged, desired_version: sql<number>`desired_version + 1`, desired_at: at })
        .where(sql<number>`length(${merged})`, '<=', maxStateBytes),
    )
    .returningAll()
    .executeTakeFirst()
  if (!state) throw new HubError('payload_too_large', `A state may hold ${maxStateBytes} bytes.`)
  return state
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
