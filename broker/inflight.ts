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
  /** Settled, and with those who keep it. */
  ready = false
  error: Error | null = null
  readonly packet: Message
  readonly callback: Published
  /** It came past Aedes, so that its PUBACK and its publishing are ours. */
  readonly direct: boolean
  /** Looked at when it begins: Aedes forgets a will as soon as it has asked whether it may be published. */
  readonly isWill: boolean
  readonly size: number
  /** On the sweep's clock. */
  readonly since: number

  constructor(packet: Message, callback: Published, direct: boolean, since: number, isWill = false) {
    this.packet = packet
    this.callback = callback
    this.direct = direct
    this.isWill = isWill
    this.size = packet.payload.length
    this.since = since
  }
}

/** What receiving needs of the broker. */
export interface ReceiveHost {
  readonly handlers: BrokerHandlers
  readonly inside: { readonly publish: Publish }
  /** Hands a message to those who keep it; null when there is nothing to wait for. */
  keep(message: Message): Promise<void> | null
  readonly acks: Acks
}

/**
 * Hands a message to `receive`, and then to those who keep it. Whatever order the answers come in, acknowledgements leave in the order the
 * messages came [MQTT-4.6.0-2], and so do the messages themselves.
 */
export function receive(host: ReceiveHost, conn: Connection, message: DeviceMessage, entry: Inflight): void {
  enter(conn, entry)
  entry.packet.retain = false
  const done = (error: Error | null, forward?: Forward) => {
    if (entry.settled) return
    entry.error = error
    if (forward !== undefined) shape(entry.packet, forward)
    settle(host, conn, entry)
  }
  try {
    host.handlers.receive(message, done)
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

/** The same for a message that nobody has to store first. */
export function pass(host: ReceiveHost, conn: Connection, entry: Inflight): void {
  enter(conn, entry)
  settle(host, conn, entry)
}

function enter(conn: Connection, entry: Inflight): void {
  if (conn.last) conn.last.next = entry
  else conn.first = entry
  conn.last = entry
  conn.unkept ??= entry
  conn.bytes += entry.size
}

/** What subscribers get. */
function shape(packet: Message, forward: Forward): void {
  if (forward === 'nothing') packet.topic = nowhere
  else if (forward !== 'same') {
    packet.payload = Buffer.from(forward.payload)
    packet.retain = forward.retain
  }
}

/** In their order, and without waiting for each other: who keeps them commits them in that order. */
function settle(host: ReceiveHost, conn: Connection, entry: Inflight): void {
  entry.settled = true
  let next = conn.unkept
  while (next?.settled) {
    conn.unkept = next.next
    keep(host, conn, next)
    next = conn.unkept
  }
  release(host, conn)
}

function keep(host: ReceiveHost, conn: Connection, entry: Inflight): void {
  const { packet, error } = entry
  // At QoS 2 it is kept in one transaction with its packet identifier, which is later
  const keeping = error === null && packet.qos < 2 ? host.keep(packet) : null
  if (keeping === null) {
    entry.ready = true
    return
  }
  const done = (failure: Error | null) => {
    entry.error = failure
    entry.ready = true
    release(host, conn)
  }
  keeping.then(() => done(null), done)
}

function release(host: ReceiveHost, conn: Connection): void {
  let entry = conn.first
  while (entry?.ready) {
    conn.first = entry.next
    if (conn.first === null) conn.last = null
    conn.bytes -= entry.size
    if (entry.error) refuse(conn, entry, entry.error)
    else accept(host, conn, entry)
    entry = conn.first
  }
}

function accept({ inside, acks }: ReceiveHost, conn: Connection, entry: Inflight): void {
  const { packet, callback } = entry
  const { client } = conn
  if (entry.direct) {
    if (packet.qos === 1 && packet.messageId !== undefined) acks.add(conn, packet.messageId)
    inside.publish(packet, client, callback)
    return
  }
  // Aedes forwards a QoS 1 message only if its PUBACK could be written. This one is committed, so it is forwarded all the same.
  if (packet.qos === 1 && client?.closed && !entry.isWill) inside.publish(packet, client, callback)
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
  conn.unkept = null
  conn.end(reasonOf(error))
  while (entry) {
    entry.settled = entry.ready = true
    entry.callback(error)
    entry = entry.next
  }
}
