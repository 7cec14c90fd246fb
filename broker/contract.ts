import type { DevicePrincipal, Principal } from '../src/principal.js'
import type { Inbound } from '../src/topics.js'

/** What a client showed at CONNECT. */
export interface Credentials {
  readonly username: string | null
  readonly password: string | null
  /** The peer's address as our own listener saw it. */
  readonly address: string
}

/** Why a CONNECT was refused: the CONNACK return code, and the reason for log and metrics. */
export class Refusal extends Error {
  readonly returnCode: 1 | 2 | 3 | 4 | 5
  readonly reason: string

  constructor(returnCode: 1 | 2 | 3 | 4 | 5, reason: string) {
    super(reason)
    this.name = 'Refusal'
    this.returnCode = returnCode
    this.reason = reason
  }
}

/** A message from a device on a topic of its own, not yet acknowledged. */
export interface DeviceMessage {
  readonly device: DevicePrincipal
  /** The topic below `devices/{id}/`, e.g. `telemetry` or `alert/leak`. */
  readonly rest: string
  /** What `rest` stands for; null when the contract has no such topic. */
  readonly kind: Inbound | null
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  /** The packet identifier; null at QoS 0, for wills and over HTTP. */
  readonly message_id: number | null
  /** The client says it may have sent this before [MQTT-3.3.1-1]. */
  readonly dup: boolean
  /** Milliseconds since 1970. */
  readonly received_at: number
}

/** What subscribers get once a message is committed: the payload as it came, another one (perhaps retained), or nothing. */
export type Forward = 'same' | 'nothing' | { readonly payload: string; readonly retain: boolean }

/**
 * Called once the message is committed, or cannot be. Without an error the message is acknowledged and forwarded; with one the
 * connection is closed without an acknowledgement, so that the device keeps the message and sends it again (D3).
 */
export type Done = (error: Error | null, forward?: Forward) => void

/** A live, authenticated connection of a device. `session` grows with each connection the broker has accepted. */
export interface DeviceConnection {
  readonly device: DevicePrincipal
  readonly session: number
  readonly connected_at: number
  readonly address: string
  readonly transport: Transport
}

export type Transport = 'tcp' | 'tls' | 'ws'

/** Why a connection ended, as presence tells it. */
export type Reason =
  | 'clean'
  | 'keepalive'
  | 'network'
  | 'takeover'
  | 'revoked'
  | 'expired'
  | 'protocol'
  | 'too_large'
  | 'forbidden'
  | 'slow'
  | 'storage'
  | 'shutdown'

/** What the broker asks of, and tells, the rest of the hub. It imports no door; `src/hub.ts` hands it these. */
export interface BrokerHandlers {
  /** Turns a credential into a principal. Rejects with a Refusal; any other rejection is answered with return code 3. */
  authenticate(credentials: Credentials): Promise<Principal>
  receive(message: DeviceMessage, done: Done): void
  connected(connection: DeviceConnection): void
  disconnected(connection: DeviceConnection, reason: Reason): void
  /** A device is now subscribed to its `commands` topic on this connection. */
  readyForCommands(connection: DeviceConnection): void
  /** The device acknowledged (PUBACK or PUBCOMP) a message that was published with this `receipt`. */
  delivered(connection: DeviceConnection, receipt: string): void
}

export interface PublishOptions {
  readonly qos?: 0 | 1
  readonly retain?: boolean
  /** When the device the topic belongs to acknowledges this message, `delivered` is called with this string. */
  readonly receipt?: string
}

export type { Principal }
