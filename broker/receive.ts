import type { ClaimPrincipal, DevicePrincipal } from '../src/principal.js'
import { inboundKind, parseMounted, provisionResponse } from '../src/topics.js'
import type { Connection, Route } from './connection.js'
import { Inflight, pass, type ReceiveHost, receive } from './inflight.js'
import type { AedesClient, Message, Published } from './internals.js'
import { nowhere, routeOfMounted } from './mount.js'
import type { Stats } from './stats.js'

export interface PublishHost extends ReceiveHost {
  readonly counters: Stats
  readonly now: number
}

/**
 * Takes a publish of a device or a program at QoS 0 or 1 right off the wire: after the commit its PUBACK is written and the message published, without
 * Aedes' steps in between, which cost as much as all the rest. What needs them, and whatever is to be refused, goes their way.
 * @returns whether it was taken
 */
export function receiveDirectly(host: PublishHost, conn: Connection, packet: Message): boolean {
  const { principal, client } = conn
  if (packet.qos === 2 || !client?.connected || conn.reason !== null) return false
  if (principal?.kind === 'device') {
    const route = routeOfMounted(conn, packet.topic)
    if (route === null) return false
    take(host, conn, principal, route, new Inflight(packet, client._nextBatch, true, host.now))
  } else if (principal?.kind === 'service' && packet.topic !== nowhere)
    receiveFromService(host, conn, new Inflight(packet, client._nextBatch, true, host.now))
  else return false
  if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
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
  if (!conn || !client || packet.topic === nowhere) {
    refusePublish(conn, callback)
    return
  }
  // A repeated QoS 2 message whose first copy is kept already only wants its PUBREC again [MQTT-4.3.3-2]
  if (packet.qos === 2 && packet.messageId !== undefined && client._inboundInflight.has(packet.messageId)) {
    callback(null)
    return
  }
  const { principal } = conn
  const entry = new Inflight(packet, callback, false, host.now, packet === client.will)
  if (principal?.kind === 'device') {
    const route = routeOfMounted(conn, packet.topic)
    if (route) take(host, conn, principal, route, entry)
    else refusePublish(conn, callback)
  } else if (principal?.kind === 'service') receiveFromService(host, conn, entry)
  else if (principal?.kind === 'claim') provision(host, conn, principal, packet, callback)
  else refusePublish(conn, callback)
}

function refusePublish(conn: Connection | undefined, callback: Published): void {
  conn?.end('forbidden')
  callback(new Error('not a topic of this client'))
}

/**
 * A program speaks where its scopes let it: on a device's own topics in the device's name, which is stored as if the device had said it;
 * elsewhere freely. One message after the other, so that what needs a look at the device is not overtaken.
 */
function receiveFromService(host: PublishHost, conn: Connection, entry: Inflight): void {
  const { packet, callback } = entry
  const place = parseMounted(packet.topic)
  const kind = place && inboundKind(place.rest)?.kind
  const before = conn.turn ?? Promise.resolve()
  conn.turn = before.then(async () => {
    if (!place || !kind) return pass(host, conn, entry)
    const { home_id, device_id, rest } = place
    const device = await host.handlers.deviceAt(home_id, device_id)
    if (!device) {
      const { principal, peer } = conn
      host.handlers.refused({ principal, address: peer.address, action: 'mqtt.publish', target: packet.topic })
      return refusePublish(conn, callback)
    }
    const route = { mounted: packet.topic, rest, kind }
    take(host, conn, device, route, entry)
  })
  conn.turn.catch(error => {
    conn.turn = null
    conn.end('storage')
    callback(error)
  })
}

/** The answer goes straight to who asked, and is published nowhere: it holds a key. */
function provision(
  host: PublishHost,
  conn: Connection,
  claim: ClaimPrincipal,
  packet: Message,
  callback: Published,
): void {
  host.handlers.provision(claim, conn.peer.address, packet.payload as Buffer).then(answer => {
    packet.topic = nowhere
    callback(null)
    const payload = Buffer.from(answer)
    const message: Message = {
      cmd: 'publish',
      topic: conn.home + provisionResponse,
      payload,
      qos: 0,
      retain: false,
      dup: false,
    }
    conn.client?.publish(message, () => undefined)
  }, callback)
}

/** Takes what a device says, or a program in its name. */
export function take(
  host: PublishHost,
  conn: Connection,
  device: DevicePrincipal,
  route: Route,
  entry: Inflight,
): void {
  const { qos, dup, messageId } = entry.packet
  const payload = entry.packet.payload as Buffer
  host.counters.messages_in++
  host.counters.bytes_in += payload.length
  const { rest, kind } = route
  const message_id = messageId ?? null
  const connected_at = conn.info?.connected_at ?? null
  const received_at = Date.now()
  receive(host, conn, { device, rest, kind, payload, qos, message_id, dup, received_at, connected_at }, entry)
}
