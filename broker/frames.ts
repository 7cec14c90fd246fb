import type { Connection, LastRoute } from './connection.js'
import { Inflight } from './inflight.js'
import type { AedesClient, Message, WirePacket } from './internals.js'
import { type PublishHost, take } from './receive.js'

/** The type of a packet in the upper half of its first byte, and the flags in the lower one [MQTT-3.3.1]. */
const publish = 0x30
const retainFlag = 0x01
const qosFlags = 0x06
const dupFlag = 0x08

/**
 * Reads the packets of a chunk. What nearly all of them are, a device's whole publish at QoS 0 or 1 on the same topic as before, is taken as it lies:
 * the stock parser, which gathers, copies and announces each packet, took most of the broker's time. Everything else is left to that, packet by
 * packet, so that what is wrong is found where it always was. Behind what ends the connection nothing is read.
 */
export function readChunk(host: PublishHost, conn: Connection, client: AedesClient, chunk: Buffer): void {
  const parser = client._parser
  let taken = 0
  for (let at = 0; at < chunk.length && parser.error === null && conn.reason === null; ) {
    const within = parser._stateCounter > 0
    const end = within ? at + missing(parser.packet.length, conn.unparsed) : endOfPacket(chunk, at)
    if (!within && end <= chunk.length && takePublish(host, conn, client, chunk, at, end)) taken++
    else conn.unparsed = parser.parse(chunk.subarray(at, end))
    at = end
  }
  if (taken > 0 && client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
}

/** How much more the parser is to get of its packet: one byte while it does not know the length. */
const missing = (length: number, unparsed: number) => (length === -1 ? 1 : length - unparsed)

/** Where the packet ends that begins at `start`. Without a length, because it is not all there or none, only the first byte belongs to it. */
function endOfPacket(chunk: Buffer, start: number): number {
  let length = 0
  for (let i = 1; i <= 4; i++) {
    const byte = chunk[start + i]
    if (byte === undefined) break
    length += (byte & 0x7f) << (7 * (i - 1))
    if (byte < 0x80) return start + 1 + i + length
  }
  return start + 1
}

/** @returns whether it was one that may be taken directly */
function takePublish(
  host: PublishHost,
  conn: Connection,
  client: AedesClient,
  chunk: Buffer,
  start: number,
  end: number,
): boolean {
  const { principal, route } = conn
  if (route === null || principal?.kind !== 'device' || conn.state !== 'live' || !client.connected) return false
  const packet = publishIn(chunk, start, end, route)
  if (packet === null) return false
  count(conn, packet)
  take(host, conn, principal, route, new Inflight(packet, client._nextBatch, true, host.now))
  return true
}

/** The publish on this route that lies there; null when it is anything else, or has no packet identifier where it must [MQTT-2.3.1-1]. */
function publishIn(chunk: Buffer, start: number, end: number, { bytes, mounted: topic }: LastRoute): Message | null {
  const first = chunk[start] ?? 0
  const qos = (first & qosFlags) >> 1
  if ((first & 0xf0) !== publish || qos > 1) return null
  let at = start + 2
  while ((chunk[at - 1] ?? 0) >= 0x80) at++
  const payloadAt = at + bytes.length + 2 * qos
  if (payloadAt > end || !liesAt(chunk, at, bytes)) return null
  const retain = (first & retainFlag) !== 0
  const dup = (first & dupFlag) !== 0
  const payload = chunk.subarray(payloadAt, end)
  if (qos === 0) return { cmd: 'publish', topic, payload, qos: 0, retain, dup }
  const messageId = chunk.readUInt16BE(payloadAt - 2)
  return messageId === 0 ? null : { cmd: 'publish', topic, payload, qos: 1, retain, dup, messageId }
}

/** Compared from the end, where topics differ. A call into the system's own comparison takes longer than this does for a topic. */
function liesAt(chunk: Buffer, start: number, bytes: Buffer): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (chunk[start + i] !== bytes[i]) return false
  return true
}

/** Counts a packet that has been parsed: a publish as many times as it has begun kilobytes, since a message may hold a thousand points. */
export function count(conn: Connection, packet: WirePacket): void {
  conn.packets++
  if (packet.cmd === 'publish') conn.tokens -= Math.max(1, Math.ceil(packet.payload.length / 1024))
  else if (packet.cmd === 'subscribe') conn.tokens -= packet.subscriptions.length
  else if (packet.cmd === 'unsubscribe') conn.tokens -= packet.unsubscriptions.length
}
