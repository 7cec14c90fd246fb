import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Reach } from '../rights.js'

/** Where a device is at the moment of writing: it may have moved since its message or its connection began. */
export const homeNow = (device_id: string): RawBuilder<string> =>
  sql<string>`(select home_id from devices where id = ${device_id})`

/** Whether a row of `devices` lies where somebody may look; true for everywhere. */
export function isWithin(reach: Reach): RawBuilder<SqlBool> {
  if (reach === null) return sql`true`
  const homes = reach.flatMap(({ home_id, device_id }) => (home_id !== null && device_id === null ? home_id : []))
  const devices = reach.flatMap(({ home_id, device_id }) => {
    if (device_id === null) return []
    return home_id === null
      ? sql`devices.id = ${device_id}`
      : sql`(devices.home_id = ${home_id} and devices.id = ${device_id})`
  })
  const parts = homes.length > 0 ? [sql`devices.home_id in (${sql.join(homes)})`, ...devices] : devices
  return parts.length > 0 ? sql`(${sql.join(parts, sql` or `)})` : sql`false`
}
