import { mayPublish } from '../src/rights.js'
import { inboundKind, isDeviceTopic, isTopic, ownTopic, provisionRequest, provisionResponse } from '../src/topics.js'
import { mayHear } from './authorize.js'
import type { Connection, LastRoute, Route } from './connection.js'
import type { Message, SubscribePacket, UnsubscribePacket } from './internals.js'

/** Where a message goes that nobody shall get: no filter that anyone is granted matches a topic with a `$`. */
export const nowhere = '$nowhere'
const maxDeviceFilters = 100
const maxFilters = 1000

/**
 * The route of a topic that a device says, null when the topic is not its own or not in the grammar. The mount is put on
 * where packets come off the wire and not in a hook: Aedes has no hook for UNSUBSCRIBE, and restores filters through the
 * one for SUBSCRIBE.
 */
function routeOf(conn: Connection, topic: string): LastRoute | null {
  if (conn.route?.wire === topic) return conn.route
  const { principal } = conn
  if (principal?.kind !== 'device') return null
  const rest = ownTopic(principal.id, topic)
  if (rest === null || !isDeviceTopic(topic)) return null
  const bytes = Buffer.from(`\0\0${topic}`)
  bytes.writeUInt16BE(bytes.length - 2)
  conn.route = { wire: topic, bytes, mounted: conn.mount + rest, rest, kind: inboundKind(rest)?.kind ?? null }
  return conn.route
}

/** The route of a topic that has its mount on. */
export function routeOfMounted(conn: Connection, topic: string): Route | null {
  if (conn.route?.mounted === topic) return conn.route
  return topic.startsWith(conn.mount) ? routeOf(conn, topic.slice(conn.home.length)) : null
}

export function mountPublish(conn: Connection, packet: Message): void {
  packet.topic = mountedTopic(conn, packet.topic) ?? nowhere
}

/** The topic as the broker knows it, null when the connection may not say anything there. */
function mountedTopic(conn: Connection, topic: string): string | null {
  const { principal } = conn
  switch (principal?.kind) {
    case 'device':
      return routeOf(conn, topic)?.mounted ?? null
    case 'claim':
      return topic === provisionRequest ? conn.home + topic : null
    case 'service':
      return isTopic(topic) && mayPublish(principal, topic) ? topic : null
    default:
      return null
  }
}

/** The filter as the broker knows it, null when the connection may not have it. */
function mountFilter(conn: Connection, filter: string): string | null {
  const { principal } = conn
  if (principal?.kind === 'claim') return filter === provisionResponse ? conn.home + filter : null
  if (principal?.kind !== 'device') return mayHear(conn, filter) ? filter : null
  const rest = ownTopic(principal.id, filter)
  return rest !== null && isDeviceTopic(filter, true) ? conn.mount + rest : null
}

/**
 * Filters that are refused get names of their own, so that the SUBACK has a code for each.
 * @returns those that were asked for and refused
 */
export function mountSubscribe(conn: Connection, packet: SubscribePacket): string[] {
  if (packet.subscriptions.length === 0) conn.end('protocol') // [MQTT-3.8.3-3]
  conn.filters ??= new Set()
  const most = conn.principal?.kind === 'device' ? maxDeviceFilters : maxFilters
  const refused: string[] = []
  for (const sub of packet.subscriptions) {
    const filter = mountFilter(conn, sub.topic)
    const granted = filter !== null && (conn.filters.has(filter) || conn.filters.size < most)
    if (granted) conn.filters.add(filter)
    sub.topic = granted ? filter : `$refused/${refused.push(sub.topic)}`
  }
  return refused
}

export function mountUnsubscribe(conn: Connection, packet: UnsubscribePacket): void {
  if (packet.unsubscriptions.length === 0) conn.end('protocol') // [MQTT-3.10.3-2]
  packet.unsubscriptions.forEach((filter, i) => {
    const mounted = mountFilter(conn, filter)
    if (mounted !== null) conn.filters?.delete(mounted)
    packet.unsubscriptions[i] = mounted ?? nowhere
  })
}
