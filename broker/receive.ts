import type { BrokerHandlers } from './contract.js'
import { Inflight, receive } from './inflight.js'
import type { AedesClient, AedesInside, Message, Published } from './internals.js'
import { routeOfMounted } from './mount.js'
import type { Stats } from './stats.js'

export interface ReceiveHost {
  readonly handlers: BrokerHandlers
  readonly inside: AedesInside
  readonly counters: Stats
  readonly now: number
}

/** Everything that is published on the wire passes here before it is acknowledged, and wills before they are published. */
export function authorizePublish(
  host: ReceiveHost,
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
  const { qos, dup } = packet
  // A repeated QoS 2 message whose first copy is kept already only wants its PUBREC again [MQTT-4.3.3-2]
  if (qos === 2 && packet.messageId !== undefined && client._inboundInflight.has(packet.messageId)) {
    callback(null)
    return
  }
  const payload = packet.payload as Buffer
  host.counters.messages_in++
  host.counters.bytes_in += payload.length
  const message = {
    device,
    rest: route.rest,
    kind: route.kind,
    payload,
    qos,
    message_id: packet.messageId ?? null,
    dup,
    received_at: Date.now(),
  }
  receive(host.handlers, host.inside.publish, conn, message, new Inflight(packet, callback, host.now))
}
