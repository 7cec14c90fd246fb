import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { DeviceConnection, Reason, Transport } from '../src/inbound.js'
import type { Principal } from '../src/principal.js'
import type { Ears } from '../src/rights.js'
import type { Inbound } from '../src/topics.js'
import type { Inflight } from './inflight.js'
import { type AedesClient, bytesToWrite, type Message, type WirePacket } from './internals.js'

/** The part of a WebSocket that back-pressure and cutting need. */
interface Pausable {
  readonly isPaused: boolean
  resume(): void
  terminate(): void
}

/** Where a stream comes from. */
export interface Peer {
  readonly address: string
  readonly transport: Transport
  /** Called once when the connection has logged in or ended: it is no longer pending. */
  readonly settled?: () => void
  /** The socket underneath, where the system's own queue can be seen. */
  readonly socket: Socket
  readonly websocket?: Pausable
}

export type State = 'new' | 'authenticating' | 'accepted' | 'live' | 'refused' | 'closed'

/** What a device's topic stands for. */
export interface Route {
  readonly mounted: string
  readonly rest: string
  readonly kind: Inbound | null
}

/** The route of what a device has said last, since devices repeat themselves. */
export interface LastRoute extends Route {
  readonly wire: string
  /** The topic as it stands in a packet, behind its length [MQTT-1.5.3]. */
  readonly bytes: Buffer
}

/** Which connections to cut: those that fit every field given. */
export interface Match {
  readonly device_id?: string
  readonly key_id?: string
  readonly user_id?: string
  /** One login of a person. */
  readonly session_id?: string
  readonly token_id?: string
}

const withoutWill: ReadonlySet<Reason> = new Set(['revoked', 'expired', 'moved', 'shutdown', 'clean'])

const noMessages: Message[] = []

/** One socket, from accept to close. Made for every socket, so what most never need is allocated when it is needed. */
export class Connection {
  readonly stream: Duplex
  readonly peer: Peer
  client: AedesClient | null = null
  state: State = 'new'
  /** When the present state began, on the sweep's clock. */
  since: number
  principal: Principal | null = null
  /** The id Aedes knows the client by: the device's, or the person's with theirs before it. */
  id = ''
  /** It was told that it is accepted. */
  announced = false
  /** Set once the device has been announced with `handlers.connected`. */
  info: DeviceConnection | null = null
  /** `homes/{home_id}/` and `homes/{home_id}/devices/{id}/` for a device. */
  home = ''
  mount = ''
  /** What a person or a program may hear; nothing before the login. */
  ears: Ears = { prefixes: [] }
  /** A program's publishes are looked at one after the other. */
  turn: Promise<void> | null = null
  route: LastRoute | null = null
  filters: Set<string> | null = null
  /** Hands a packet to Aedes. */
  pass: (packet: WirePacket) => void = () => undefined
  /** What waits for a SUBSCRIBE or UNSUBSCRIBE that is not answered yet; null when there is none. */
  subscribing: WirePacket[] | null = null
  ready = false
  hearsCancels = false
  /** Why the connection ends: the first cause stands. */
  reason: Reason | null = null
  /** Matches of `disconnect` that came while the credential was being checked. */
  barred: Match[] | null = null
  settled = false

  /** Publishes not yet through, oldest first. */
  first: Inflight | null = null
  last: Inflight | null = null
  /** The first of them that is not yet with those who keep it. */
  unkept: Inflight | null = null
  /** Message ids of what is committed and whose PUBACK is about to be written. */
  acks: number[] | null = null
  /** Packets parsed and not finished. */
  packets = 0
  /** Bytes of payload received and not committed. */
  bytes = 0
  /** Bytes that the parser holds of a packet that is not whole. */
  unparsed = 0
  /** There may be more to read, but a bound was reached. */
  blocked = false
  tokens = 0
  refilled = 0

  /** Since when the peer has taken none of what waits for it, 0 when nothing waits, and how much it had taken by then. */
  stalled = 0
  taken = 0
  seen: Set<number> | null = null
  seenBefore: Set<number> | null = null
  /** By the packet identifiers of what is not acknowledged. No Map: what has passed through one is held until the old generation is collected. */
  receipts: Record<number, string> | null = null

  /** QoS 2 messages between PUBLISH and PUBREL, by packet identifier, and when they are stored. */
  incoming: Map<number, Promise<void>> | null = null
  /** What an earlier connection of the session did not acknowledge. */
  unacknowledged: Message[] = noMessages
  /** What has waited is sent, so that what is published goes out at once. */
  caughtUp = false
  /** Something was published while what has waited was being sent. */
  overtaken = false
  /** What was sent from the queue before it was published. */
  early: Set<number> | null = null

  constructor(stream: Duplex, peer: Peer, now: number) {
    this.stream = stream
    this.peer = peer
    this.since = now
  }

  enter(state: State, now: number): void {
    this.state = state
    this.since = now
  }

  unwritten(): number {
    return bytesToWrite(this.stream)
  }

  /** Cuts the socket at once. A will is published unless the hub itself ended the connection. */
  end(reason: Reason): void {
    this.reason ??= reason
    const { client } = this
    if (client && (withoutWill.has(this.reason) || withoutWill.has(reason))) {
      client.will = null
      client._will = null
    }
    this.stream.destroy()
    this.peer.websocket?.terminate()
  }

  /** The connection is no longer one of those that have not logged in. */
  settle(): void {
    if (this.settled) return
    this.settled = true
    this.peer.settled?.()
  }
}

/** What of a principal a match may name. */
function namesOf(principal: Principal): Match {
  switch (principal.kind) {
    case 'device':
      return { device_id: principal.id, key_id: principal.key_id }
    case 'person':
      return { user_id: principal.id, ...(principal.session_id === null ? {} : { session_id: principal.session_id }) }
    case 'service':
      return { token_id: principal.id }
    case 'claim':
      return {}
  }
}

export function fits(match: Match, principal: Principal): boolean {
  const names = namesOf(principal)
  const wanted = Object.entries(match)
  return wanted.length > 0 && wanted.every(([name, value]) => names[name as keyof Match] === value)
}
