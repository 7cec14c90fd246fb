import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import { isQuiet, wantMinutes } from './let-go.js'
import type { FieldOf } from './retention-rules.js'
import { hourMs, hourStates } from './rollup-rows.js'

const fieldsAtOnce = 500
/** Hours of one field that are let go of in one go. */
const hoursAtOnce = 200

/** A field, and the hours from which on its samples and its rollups by minute are to be kept. */
export interface AgedField extends FieldOf {
  readonly raw_from: number
  readonly minutes_from: number
}

interface Hour {
  readonly start: number
  readonly state: number
  readonly quiet: number
}

/**
 * Lets go of the samples of fields that are kept shorter than others of their device, hour by hour: it is said that they are gone, so that rollups
 * answer, and the writer takes them out of the samples (trimming.ts). It goes no further than the first hour that is not rolled up, or of which
 * samples have just come, and no further than the last one there is: a device that was away brings what is older than its fields are kept.
 * @param now milliseconds since 1970
 */
export async function letGoOfFields(
  db: Db,
  fields: readonly AgedField[],
  now: number,
  isOver: () => boolean,
): Promise<void> {
  for (let i = 0; i < fields.length; i += fieldsAtOnce)
    for (const field of await aged(db, fields.slice(i, i + fieldsAtOnce)))
      while (!isOver() && (await letGoOfSome(db, field, now)));
}

/** Those that have such hours. */
async function aged(db: Db, fields: readonly AgedField[]): Promise<readonly AgedField[]> {
  const list = JSON.stringify(fields.map(({ device_num, name, raw_from }) => [device_num, name, raw_from]))
  const { rows } = await sql<{ index: number }>`select asked.key as "index" from json_each(${list}) as asked
    cross join telemetry_fields as field on field.device_num = asked.value ->> 0 and field.name = asked.value ->> 1
    where exists (select 1 from telemetry_hours as hour where hour.device_num = field.device_num
      and start >= field.raw_from and start < asked.value ->> 2)`.execute(db)
  return rows.flatMap(({ index }) => fields[index] ?? [])
}

/** @returns whether there may be more */
async function letGoOfSome(db: Db, field: AgedField, now: number): Promise<boolean> {
  const { device_num, name, raw_from, minutes_from } = field
  const { rows: hours } = await sql<Hour>`select start, state, ${isQuiet(now)} as quiet from telemetry_hours as hour
    where device_num = ${device_num} and start >= (select raw_from from telemetry_fields where device_num = ${device_num} and name = ${name})
      and start < ${raw_from} order by start limit ${hoursAtOnce}`.execute(db)
  const coarse = hours.filter(({ start, state }) => state === hourStates.closed && start >= minutes_from)
  if (coarse.length > 0)
    await wantMinutes(
      db,
      coarse.map(({ start }) => ({ device_num, start })),
    )
  const blocked = hours.findIndex(hour => !isDone(hour) || coarse.includes(hour))
  const last = (blocked < 0 ? hours : hours.slice(0, blocked)).at(-1)
  return last !== undefined && (await moveOn(db, field, last.start)) && blocked < 0 && hours.length === hoursAtOnce
}

const isDone = ({ state, quiet }: Hour) =>
  state !== hourStates.open &&
  state !== hourStates.minutesWanted &&
  (quiet === 1 || state > hourStates.closedWithMinutes)

/** An hour may have been opened meanwhile. */
async function moveOn(db: Db, { device_num, name, minutes_from }: AgedField, last: number): Promise<boolean> {
  const { numAffectedRows = 0n } =
    await sql`update telemetry_fields set raw_from = ${last + hourMs}, minutes_from = max(minutes_from, ${minutes_from})
    where device_num = ${device_num} and name = ${name} and raw_from <= ${last} and not exists
      (select 1 from telemetry_hours as hour where hour.device_num = telemetry_fields.device_num and start >= raw_from and start <= ${last}
      and (state in (0, 5) or (state = 1 and start >= ${minutes_from})))`.execute(db)
  return numAffectedRows > 0n
}
