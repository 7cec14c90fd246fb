import { sql } from 'kysely'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import { deletedAtOnce } from './let-go.js'

const fieldsAtOnce = 20

/** Before which hour rollups by minute are to go. */
export interface MinutesUntil {
  readonly others: number
  /** Of fields of their own, by name. */
  readonly named?: Readonly<Record<string, number>>
}

/**
 * Lets go of rollups by minute of a few fields of these devices: first it is said that they are gone, then they are deleted in steps. What an
 * interrupted deletion has left is found like what is old.
 * @returns how many rows were deleted; null when there are none to go
 */
export async function letGoOfMinutes(
  db: Db,
  devices: readonly number[],
  { others, named = {} }: MinutesUntil,
  isOver: () => boolean,
): Promise<number | null> {
  const own = sql`(select one.value from json_each(${JSON.stringify(named)}) as one where one.key = name)`
  const { rows } = await sql<{
    found: string | null
  }>`select json_group_array(json_array(device_num, name, field_num, until)) as found
    from (select * from (select device_num, name, field_num, max(minutes_from, ifnull(${own}, ${others})) as until
        from json_each(${JSON.stringify(devices)}) as device cross join telemetry_fields on device_num = device.value) as field
      where exists (select 1 from rollups_1m as minute where minute.device_num = field.device_num and minute.field_num = field.field_num
        and start < until)
      limit ${fieldsAtOnce})`.execute(db)
  const found = rows[0]?.found ?? '[]'
  if (found === '[]') return null
  await sql`update telemetry_fields set minutes_from = gone.value ->> 3 from json_each(${found}) as gone
    where device_num = gone.value ->> 0 and name = gone.value ->> 1 and minutes_from < gone.value ->> 3`.execute(db)
  return inSteps(deletedAtOnce, async most => {
    const { numAffectedRows = 0n } = await sql`delete from rollups_1m where (device_num, field_num, start) in
      (select minute.device_num, minute.field_num, minute.start from json_each(${found}) as gone cross join rollups_1m as minute
      on minute.device_num = gone.value ->> 0 and minute.field_num = gone.value ->> 2 and minute.start < gone.value ->> 3
      limit ${isOver() ? 0 : most})`.execute(db)
    return numAffectedRows
  })
}
