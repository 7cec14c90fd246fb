import { matches } from '../src/topics.js'
import { mayReceive } from './authorize.js'
import type { Connection } from './connection.js'
import type { AedesClient, AedesInside, Message } from './internals.js'
import type { Stats } from './stats.js'

/** What a subscriber may leave unread. */
export const maxUnread = 1024 * 1024
const remembered = 4096

export interface DeliverHost {
  readonly counters: Stats
  readonly inside: AedesInside
  readonly persistence: { isKept(message: Message, client: AedesClient): boolean }
}

/** Decides about one delivery and takes the mount off, in place: each delivery has a packet of its own. */
export function authorizeForward(
  { counters, inside, persistence }: DeliverHost,
  client: AedesClient,
  packet: Message,
): Message | null {
  const conn = client.req
  if (conn.reason !== null || !mayReceive(conn, packet.topic)) return null
  // What is kept for it comes from its queue
  if (!client.clean && packet.qos > 0 && persistence.isKept(packet, client)) return null
  if (packet.brokerId === inside.id && isRepeated(conn, client, packet.brokerCounter ?? 0)) return null
  if (conn.unwritten() > maxUnread) {
    if (packet.qos > 0) lowerQos(client, packet)
    if (packet.qos > 0) conn.end('slow')
    else counters.dropped_slow++
    return null
  }
  const receipt = receiptOf(packet)
  if (packet.retain || packet.qos === 2 || receipt !== undefined) lowerQos(client, packet)
  if (receipt !== undefined && packet.qos > 0) expectReceipt(conn, client, packet, receipt)
  if (conn.mount !== '') packet.topic = packet.topic.slice(conn.home.length)
  counters.messages_out++
  return packet
}

/**
 * Whether this message went to this connection before. Stock Aedes remembers one counter, and drops whatever comes late
 * (aedes#994); here the last few thousand are remembered exactly. With one filter and a clean session there are no repeats.
 */
function isRepeated(conn: Connection, client: AedesClient, counter: number): boolean {
  if (client.clean && (conn.filters === null || conn.filters.size < 2)) return false
  conn.seen ??= new Set()
  if (conn.seen.has(counter) || conn.seenBefore?.has(counter)) return true
  if (conn.seen.size >= remembered) {
    conn.seenBefore = conn.seen
    conn.seen = new Set()
  }
  conn.seen.add(counter)
  return false
}

/** Aedes lowers the QoS to the granted one only for filters without wildcards [MQTT-3.8.4-6]. */
function lowerQos(client: AedesClient, packet: Message): void {
  const granted = grantedQos(client, packet.topic)
  if (granted < packet.qos) packet.qos = granted as 0 | 1
}

/** The highest QoS of the filters that match a topic. */
function grantedQos({ subscriptions }: AedesClient, topic: string): number {
  let granted = 0
  for (const filter in subscriptions) {
    const qos = subscriptions[filter]?.qos ?? 0
    if (qos > granted && matches(filter, topic)) granted = qos
  }
  return granted
}

/**
 * Aedes' delivery for filters of QoS 0, which leaves a message to a filter of a higher QoS when one matches too [MQTT-3.3.5-1]: the first
 * delivery is the only one, and a kept session waits for its acknowledgement.
 */
export function yieldToHigherQos(client: AedesClient): void {
  const deliver = client.deliver0
  client.deliver0 = (packet, done) => {
    const several = (client.req.filters?.size ?? 0) > 1
    if (packet.qos > 0 && several && grantedQos(client, packet.topic) > 0) setImmediate(done)
    else deliver(packet, done)
  }
}

/** A receipt travels in the properties of the packet: they survive every wrapper and queue, and no 3.1.1 client sees them. */
export const withReceipt = (receipt: string) => ({ properties: { userProperties: { receipt } } })

export function receiptOf(packet: Message): string | undefined {
  const receipt = packet.properties?.userProperties?.receipt
  return typeof receipt === 'string' ? receipt : undefined
}

function expectReceipt(conn: Connection, client: AedesClient, packet: Message, receipt: string): void {
  if (conn.mount === '') return
  if (!packet.messageId) {
    packet.messageId = client._nextId
    client._nextId = client._nextId >= 65_535 ? 1 : client._nextId + 1
  }
  conn.receipts ??= {}
  conn.receipts[packet.messageId] = receipt
}

/**
 * Live deliveries do not wait for a slow socket: waiting would hold the publisher, and through it everybody else
 * (aedes#553). What is unread is bounded in `authorizeForward`; retained and kept messages are paced where they are read.
 */
export function neverWaitForDrain(
  this: AedesClient,
  callback: (error: Error | null, client: AedesClient) => void,
): void {
  setImmediate(callback, null, this)
}
