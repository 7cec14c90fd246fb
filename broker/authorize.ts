import { type Ears, mayListen } from '../src/rights.js'
import { isFilter, matches } from '../src/topics.js'
import type { Connection } from './connection.js'

/** Whether a connection may be subscribed to this filter, with its mount on. */
export function mayHear(conn: Connection, filter: string): boolean {
  const { principal, mount } = conn
  if (mount !== '') return filter.startsWith(mount) && filter.length > mount.length
  if (principal?.kind !== 'person' && principal?.kind !== 'service') return false
  return isFilter(filter) && mayListen(principal, filter)
}

/** Whether a message on this topic may be handed to a connection: asked for every delivery, so it does no more than compare. */
export function mayReceive(conn: Connection, topic: string): boolean {
  return conn.mount === '' ? hears(conn.ears, topic) : topic.startsWith(conn.mount)
}

/** Whether somebody who is no device may hear a topic. */
export function hears({ prefixes, filters }: Ears, topic: string): boolean {
  if (topic.charCodeAt(0) === 36) return false
  if (prefixes) {
    for (const prefix of prefixes) if (topic.startsWith(prefix)) return true
    return false
  }
  return filters === undefined || filters.some(filter => matches(filter, topic))
}
