import type { Connection } from './connection.js'
import { count } from './frames.js'
import type { AckPacket, AedesClient, Message, Parser, SubscribePacket, WirePacket } from './internals.js'
import { mountPublish, mountSubscribe, mountUnsubscribe, nowhere } from './mount.js'
import { pump, type ReaderHost } from './reader.js'
import { receiveDirectly } from './receive.js'
import type { Registry } from './registry.js'

export interface WireHost extends ReaderHost {
  readonly registry: Registry
}

/** Listens to a client's packets in the place of Aedes, which gets all but the publishes that are taken directly. */
export const onPacket = (host: WireHost) =>
  function (this: Parser, packet: WirePacket): void {
    const conn = this.client.req
    count(conn, packet)
    // Behind a CONNECT that is not answered packets wait in Aedes' queue, and are read when the principal is known
    if (conn.state === 'live') {
      read(host, conn, packet)
      if (conn.reason === 'protocol') return
      if (packet.cmd === 'publish' && receiveDirectly(host, conn, packet)) return
      if (!mayPass(conn, packet)) return
    }
    conn.pass(packet)
  }

/**
 * Aedes takes time over a SUBSCRIBE or an UNSUBSCRIBE, and begins with the next meanwhile: a filter that it is letting go of it takes for subscribed,
 * and then lets go of it. So they wait for each other [MQTT-4.6]. @returns whether it is this packet's turn
 */
function mayPass(conn: Connection, packet: WirePacket): boolean {
  if (packet.cmd !== 'subscribe' && packet.cmd !== 'unsubscribe') return true
  if (conn.subscribing === null) {
    conn.subscribing = []
    return true
  }
  conn.subscribing.push(packet)
  return false
}

/** A SUBSCRIBE or an UNSUBSCRIBE has been answered: it is the turn of the next. */
export function passNext(conn: Connection): void {
  const next = conn.state === 'live' ? conn.subscribing?.shift() : undefined
  if (next === undefined) conn.subscribing = null
  else queueMicrotask(() => conn.pass(next))
}

/** Reads what came behind the CONNECT, just before Aedes does, and goes on reading. */
export function readQueue(host: WireHost, conn: Connection, client: AedesClient): void {
  const queue = client._parser._queue ?? []
  for (const packet of queue) read(host, conn, packet)
  queue.splice(0, queue.length, ...queue.filter(packet => mayPass(conn, packet)))
  setImmediate(pump, conn, client, host)
}

function read(host: WireHost, conn: Connection, packet: WirePacket): void {
  if (!hasPacketId(packet)) conn.end('protocol')
  if (packet.cmd === 'publish') readPublish(host, conn, packet)
  else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') acknowledged(host, conn, packet)
  else if (packet.cmd === 'subscribe') readSubscribe(host, conn, packet)
  else if (packet.cmd === 'unsubscribe') mountUnsubscribe(conn, packet)
  else if (packet.cmd === 'disconnect') {
    conn.reason ??= 'clean'
    // [MQTT-3.14.4-2]: what follows in the same chunk is not read
    conn.client?._parser.removeAllListeners('packet')
  }
}

function readSubscribe({ handlers, registry }: WireHost, conn: Connection, packet: SubscribePacket): void {
  const [target] = mountSubscribe(conn, packet)
  if (target === undefined) return
  const { principal, peer } = conn
  registry.tell('refused', () =>
    handlers.refused({ principal, address: peer.address, action: 'mqtt.subscribe', target }),
  )
}

function readPublish({ log, handlers, registry }: WireHost, conn: Connection, packet: Message): void {
  const { topic } = packet
  mountPublish(conn, packet)
  if (packet.topic !== nowhere) return
  const { principal, peer } = conn
  const refusal = { principal, address: peer.address, action: 'mqtt.publish' as const, target: topic.slice(0, 200) }
  registry.tell('refused', () => handlers.refused(refusal))
  log.warn({ client: conn.id, address: conn.peer.address, topic: topic.slice(0, 200) }, 'a topic that is not its own')
}

/** [MQTT-2.3.1-1]; mqtt-packet lets 0 pass, and reads -1 where the packet ends before its identifier. */
function hasPacketId(packet: WirePacket): boolean {
  if (packet.cmd === 'publish') return packet.qos === 0 || (packet.messageId ?? 0) > 0
  return (packet.cmd !== 'subscribe' && packet.cmd !== 'unsubscribe') || packet.messageId > 0
}

function acknowledged(host: WireHost, conn: Connection, { messageId }: AckPacket): void {
  const { info, receipts } = conn
  const receipt = receipts?.[messageId]
  if (!receipts || receipt === undefined || info === null) return
  delete receipts[messageId]
  host.registry.tell('delivered', () => host.handlers.delivered(info, receipt))
}
