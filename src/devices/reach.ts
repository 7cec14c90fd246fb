import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Reach } from '../rights.js'

/** Where a device is at the moment of writing: it may have moved since its message or its connection began. */
export const homeNow = (device_id: string): RawBuilder<string> =>
  sql<string>`(select home_id from devices where id = ${device_id})`

/** What says in a row where it is. */
const places = {
  devices: { home: sql.ref('devices.home_id'), device: sql.ref('devices.id') },
  alerts: { home: sql.ref('alerts.home_id'), device: sql.ref('alerts.device_id') },
} as const

/** Whether a row lies where somebody may look; true for everywhere. */
export function isWithin(reach: Reach, table: keyof typeof places = 'devices'): RawBuilder<SqlBool> {
  const { home, device } = places[table]
  if (reach === null) return sql`true`
  const homes = reach.flatMap(({ home_id, device_id }) => (home_id !== null && device_id === null ? home_id : []))
  const devices = reach.flatMap(({ home_id, device_id }) => {
    if (device_id === null) return []
    return home_id === null ? sql`${device} = ${device_id}` : sql`(${home} = ${home_id} and ${device} = ${device_id})`
  })
  const parts = homes.length > 0 ? [sql`${home} in (${sql.join(homes)})`, ...devices] : devices
  return parts.length > 0 ? sql`(${sql.join(parts, sql` or `)})` : sql`false`
}
