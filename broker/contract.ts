import type { DeviceConnection, DeviceMessage, Done, Reason } from '../src/inbound.js'
import type { ClaimPrincipal, DevicePrincipal, Principal } from '../src/principal.js'

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

export interface BrokerRefusal {
  readonly principal: Principal | null
  readonly address: string
  readonly action: 'mqtt.connect' | 'mqtt.publish' | 'mqtt.subscribe'
  /** The topic or the filter; of a CONNECT, why it was refused. */
  readonly target: string
}

/** What the broker asks of, and tells, the rest of the hub. It imports no door; `src/hub.ts` hands it these. */
export interface BrokerHandlers {
  /** Turns a credential into a principal. Rejects with a Refusal; any other rejection is answered with return code 3. */
  authenticate(credentials: Credentials): Promise<Principal>
  receive(message: DeviceMessage, done: Done): void
  /** The device at this place, in whose name a program wants to speak; null when there is none. */
  deviceAt(home_id: string, device_id: string): Promise<DevicePrincipal | null>
  /** Exchanges a claim code. @returns what the device is told, also when it was refused */
  provision(claim: ClaimPrincipal, address: string, payload: Buffer): Promise<string>
  /** Somebody was refused: for the audit. `principal` is null when nobody knows who it was. */
  refused(refusal: BrokerRefusal): void
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
