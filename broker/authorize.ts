import { homeOf, isPlainFilter } from '../src/topics.js'
import type { Connection } from './connection.js'

/** Whether `#` and `+` stand only where they may [MQTT-4.7.1-2], [MQTT-4.7.1-3]. */
function isFilter(filter: string): boolean {
  if (!filter.includes('#') && !filter.includes('+')) return true
  const levels = filter.split('/')
  return levels.every((level, i) =>
    level.includes('#') ? level === '#' && i === levels.length - 1 : !level.includes('+') || level === '+',
  )
}

/** Whether a connection may be subscribed to this filter, with its mount on. */
export function mayHear(conn: Connection, filter: string): boolean {
  const { principal } = conn
  if (principal === null || filter.startsWith('$')) return false
  if (principal.kind === 'device') return filter.startsWith(conn.mount) && filter.length > conn.mount.length
  if (!isPlainFilter(filter) || !isFilter(filter)) return false
  if (principal.role !== 'user') return true
  const home = homeOf(filter)
  return home !== null && principal.homes.includes(home)
}

/** Whether a message on this topic may be handed to a connection: asked for every delivery, so it only compares prefixes. */
export function mayReceive(conn: Connection, topic: string): boolean {
  if (conn.mount !== '') return topic.startsWith(conn.mount)
  if (topic.charCodeAt(0) === 36) return false
  const { homes } = conn
  if (homes === null) return true
  for (const home of homes) if (topic.startsWith(home)) return true
  return false
}
