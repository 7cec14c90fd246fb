import { type RawBuilder, type Selectable, sql } from 'kysely'
import { HubError } from '../errors.js'
import type { JsonObject } from '../json.js'
import { inTransaction } from '../store/in-transaction.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { mergePatch, openDifference } from '../twin.js'
import { homeNow } from './reach.js'

export type DeviceState = Selectable<Tables['device_state']>

/** The size of a merged state, in bytes of JSON: a device that keeps adding names must end somewhere. */
const maxStateBytes = 64 * 1024
const isTooLarge = (state: JsonObject) => Buffer.byteLength(JSON.stringify(state)) > maxStateBytes

const empty = (device_id: string, home_id: string): DeviceState => ({
  device_id,
  home_id,
  reported: {},
  reported_version: 0,
  reported_at: null,
  desired: {},
  desired_version: 0,
  desired_at: null,
  desired_by: null,
  wishes: {},
  seen_version: 0,
})

/**
 * Merges what a device reports into its state, by JSON Merge Patch (RFC 7396): null removes a name. What was set at the device itself after a
 * wish was made ends that wish, unless the device's policy is that the hub wins. Versions grow with changes, not with reports.
 * @param report.at milliseconds since 1970
 * @param report.connected_at since when it has been connected: a wish that was made before is older than the report only if the device has
 * acknowledged it. Null when it speaks just now, over HTTP.
 * @returns the whole state; undefined when it would grow beyond 64 KiB, and then nothing has changed
 */
export async function mergeReported(
  db: Db,
  { id, home_id }: { id: string; home_id: string },
  patch: JsonObject,
  { at, connected_at }: { readonly at: number; readonly connected_at: number | null },
): Promise<DeviceState | undefined> {
  const reported = mergePatch({}, patch)
  if (isTooLarge(reported)) return undefined
  const first = { ...empty(id, home_id), home_id: homeNow(id), reported, reported_version: 1, reported_at: at }
  const merged = sql<JsonObject>`merge_patch(reported, ${JSON.stringify(patch)})`
  const kept = wishesAfter(patch, connected_at ?? 0)
  const ends = sql<boolean>`${kept} <> desired`
  return db
    .insertInto('device_state')
    .values(first)
    .onConflict(conflict =>
      conflict
        .column('device_id')
        .doUpdateSet({
          reported: merged,
          reported_version: sql<number>`reported_version + (reported_version = 0 or ${merged} <> reported)`,
          reported_at: at,
          desired: kept,
          desired_version: sql<number>`desired_version + (${ends})`,
          desired_at: sql<number | null>`iif(${ends}, ${at}, desired_at)`,
          desired_by: sql<string | null>`iif(${ends}, 'device', desired_by)`,
        })
        .where(sql<number>`octet_length(${merged})`, '<=', maxStateBytes),
    )
    .returningAll()
    .executeTakeFirst()
}

const wishesAfter = (patch: JsonObject, connected_at: number): RawBuilder<JsonObject> =>
  sql`case when desired = '{}' or (select twin_policy from devices where devices.id = device_state.device_id) = 'hub_wins'
    then desired else keep_wishes(desired, wishes, seen_version, ${connected_at}, reported, ${JSON.stringify(patch)}) end`

/**
 * Merges a wish into the desired state, by JSON Merge Patch: null takes a wish back. @returns the whole state
 * @param by who wishes
 * @param expected the versions of which one must be the present one; any when left out
 * @throws HubError `payload_too_large` when it would grow beyond 64 KiB, `precondition_failed`
 */
export function mergeDesired(
  db: Db,
  device: { id: string; home_id: string },
  patch: JsonObject,
  { by, expected }: { readonly by: string; readonly expected?: readonly number[] | undefined },
): Promise<DeviceState> {
  return inTransaction(db, async tx => {
    const { desired: before, desired_version: last, wishes } = await getState(tx, device)
    if (expected && !expected.includes(last))
      throw new HubError('precondition_failed', `The desired state has version ${last} by now.`)
    const desired = mergePatch(before, patch)
    if (isTooLarge(desired)) throw new HubError('payload_too_large', `A state may hold ${maxStateBytes} bytes.`)
    const version = last + 1
    const now = Date.now()
    const made = (name: string) => (Object.hasOwn(patch, name) ? [version, now] : (wishes[name] ?? [0, 0])) as Wish
    const changed = {
      desired,
      desired_version: version,
      desired_at: now,
      desired_by: by,
      wishes: Object.fromEntries(Object.keys(desired).map(name => [name, made(name)])),
    }
    return tx
      .insertInto('device_state')
      .values({ ...empty(device.id, device.home_id), ...changed, home_id: homeNow(device.id) })
      .onConflict(conflict => conflict.column('device_id').doUpdateSet(changed))
      .returningAll()
      .executeTakeFirstOrThrow()
  })
}

type Wish = DeviceState['wishes'][string]

/** The device has acknowledged its wishes up to this version: what it does from now on, it does knowing them. */
export async function recordSeenWishes(db: Db, device_id: string, version: number): Promise<void> {
  await db
    .updateTable('device_state')
    .set({ seen_version: version })
    .where('device_id', '=', device_id)
    .where('seen_version', '<', version)
    .where('desired_version', '>=', version)
    .execute()
}

/** The state of a device; empty when it never reported. */
export async function getState(db: Db, device: { id: string; home_id: string }): Promise<DeviceState> {
  const row = await db.selectFrom('device_state').selectAll().where('device_id', '=', device.id).executeTakeFirst()
  return row ?? empty(device.id, device.home_id)
}

/** The payload of the `desired` topic: the open difference with its version, `{}` when there is none. */
export function desiredPayload(state: DeviceState): string {
  const desired = openDifference(state.desired, state.reported)
  return Object.keys(desired).length === 0 ? '{}' : JSON.stringify({ version: state.desired_version, desired })
}
