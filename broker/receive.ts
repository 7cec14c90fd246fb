import type { DevicePrincipal } from '../src/principal.js'
import type { Connection, Route } from './connection.js'
import { Inflight, type ReceiveHost, receive } from './inflight.js'
import type { AedesClient, Message, Published } from './internals.js'
import { routeOfMounted } from './mount.js'
import type { Stats } from './stats.js'

export interface PublishHost extends ReceiveHost {
  readonly counters: Stats
  readonly now: number
}

/**
 * Takes a device's publish at QoS 0 or 1 right off the wire: after the commit its PUBACK is written and the message published, without
 * Aedes' steps in between, which cost as much as all the rest. What needs them, and whatever is to be refused, goes their way.
 * @returns whether it was taken
 */
export function receiveDirectly(host: PublishHost, conn: Connection, packet: Message): boolean {
  const { principal: device, client } = conn
  if (packet.qos === 2 || device?.kind !== 'device' || !client?.connected || conn.reason !== null) return false
  const route = routeOfMounted(conn, packet.topic)
  if (route === null) return false
  if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
  take(host, conn, device, route, new Inflight(packet, client._nextBatch, true, host.now))
  return true
}

/** Aedes' hook: everything else that is published passes here before it is acknowledged, and wills before they are published. */
export function authorizePublish(
  host: PublishHost,
  client: AedesClient | null,
  packet: Message,
  callback: Published,
): void {
  const conn = client?.req
  const device = conn?.principal
  const route = conn ? routeOfMounted(conn, packet.topic) : null
  if (!conn || !client || device?.kind !== 'device' || route === null) {
    conn?.end('forbidden')
    callback(new Error('not a topic of this client'))
    return
  }
  // A repeated QoS 2 message whose first copy is kept already only wants its PUBREC again [MQTT-4.3.3-2]
  if (packet.qos === 2 && packet.messageId !== undefined && client._inboundInflight.has(packet.messageId)) {
    callback(null)
    return
  }
  take(host, conn, device, route, new Inflight(packet, callback, false, host.now))
}

function take(host: PublishHost, conn: Connection, device: DevicePrincipal, route: Route, entry: Inflight): void {
  const { qos, dup, messageId } = entry.packet
  const payload = entry.packet.payload as Buffer
  host.counters.messages_in++
  host.counters.bytes_in += payload.length
  const { rest, kind } = route
  const message_id = messageId ?? null
  receive(host, conn, { device, rest, kind, payload, qos, message_id, dup, received_at: Date.now() }, entry)
}
