import { HubError } from '../src/errors.js'
import type { DeviceMessage, Forward, Reason } from '../src/inbound.js'
import type { Acks } from './acks.js'
import type { Connection } from './connection.js'
import type { BrokerHandlers } from './contract.js'
import type { Message, Publish, Published } from './internals.js'
import { nowhere } from './mount.js'

/** How long `receive` may take. */
export const receiveDeadline = 10_000

/** A publish that has been received and not yet acknowledged. */
export class Inflight {
  next: Inflight | null = null
  settled = false
  error: Error | null = null
  forward: Forward = 'same'
  readonly packet: Message
  readonly callback: Published
  /** It came past Aedes, so that its PUBACK and its publishing are ours. */
  readonly direct: boolean
  readonly size: number
  /** On the sweep's clock. */
  readonly since: number

  constructor(packet: Message, callback: Published, direct: boolean, since: number) {
    this.packet = packet
    this.callback = callback
    this.direct = direct
    this.size = packet.payload.length
    this.since = since
  }
}

/** What receiving needs of the broker. */
export interface ReceiveHost {
  readonly handlers: BrokerHandlers
  readonly inside: { readonly publish: Publish }
  readonly acks: Acks
}

/**
 * Hands a message to `receive`. Whatever order the answers come in, acknowledgements leave in the order the messages came
 * [MQTT-4.6.0-2], and so do the messages themselves.
 */
export function receive(host: ReceiveHost, conn: Connection, message: DeviceMessage, entry: Inflight): void {
  if (conn.last) conn.last.next = entry
  else conn.first = entry
  conn.last = entry
  conn.bytes += entry.size
  const done = (error: Error | null, forward?: Forward) => {
    if (entry.settled) return
    entry.settled = true
    entry.error = error
    if (forward !== undefined) entry.forward = forward
    if (conn.first === entry) release(host, conn)
  }
  try {
    host.handlers.receive(message, done)
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

function release(host: ReceiveHost, conn: Connection): void {
  let entry = conn.first
  while (entry?.settled) {
    conn.first = entry.next
    if (conn.first === null) conn.last = null
    conn.bytes -= entry.size
    if (entry.error) refuse(conn, entry, entry.error)
    else accept(host, conn, entry)
    entry = conn.first
  }
}

function accept({ inside, acks }: ReceiveHost, conn: Connection, entry: Inflight): void {
  const { packet, forward, callback } = entry
  packet.retain = false
  if (forward === 'nothing') packet.topic = nowhere
  else if (forward !== 'same') {
    packet.payload = Buffer.from(forward.payload)
    packet.retain = forward.retain
  }
  const { client } = conn
  if (entry.direct) {
    if (packet.qos === 1 && packet.messageId !== undefined) acks.add(conn, packet.messageId)
    inside.publish(packet, client, callback)
    return
  }
  // Aedes forwards a QoS 1 message only if its PUBACK could be written. This one is committed, so it is forwarded all the same.
  if (packet.qos === 1 && client?.closed && packet !== client.will) inside.publish(packet, client, callback)
  else callback(null)
}

function refuse(conn: Connection, { callback }: Inflight, error: Error): void {
  conn.end(reasonOf(error))
  callback(error)
}

const reasonOf = (error: Error): Reason =>
  error instanceof HubError && error.code === 'forbidden' ? 'forbidden' : 'storage'

/** Fails everything a connection has in flight, so that it can be closed. */
export function failInflight(conn: Connection, error: Error): void {
  let entry = conn.first
  conn.first = null
  conn.last = null
  conn.end(reasonOf(error))
  while (entry) {
    entry.settled = true
    entry.callback(error)
    entry = entry.next
  }
}
