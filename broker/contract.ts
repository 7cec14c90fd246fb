import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { DeviceConnection, DeviceMessage, Done, Reason } from '../src/inbound.js'
import type { ClaimPrincipal, DevicePrincipal, PersonPrincipal, Principal } from '../src/principal.js'
import type { Match, Peer } from './connection.js'
import type { Sessions } from './sessions.js'
import type { Stats } from './stats.js'

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
  /** A device is now subscribed to its `commands` topic on this connection, or to `commands/cancel` as well. */
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

export interface BrokerOptions {
  readonly config: Config
  readonly log: Logger
  readonly handlers: BrokerHandlers
  readonly sessions: Sessions
  /** The number of the first connection, above all that were ever given: presence compares them across restarts. 1 when left out. */
  readonly first_session?: number
}

export interface Broker {
  /** Takes over a stream that a listener has accepted. */
  handle(stream: Duplex, peer: Peer): void
  /** Publishes on a mounted topic (`homes/…`); settles once the message is with its subscribers and queues. */
  publish(topic: string, payload: string | Buffer, options?: PublishOptions): Promise<void>
  /**
   * Cuts every connection that fits, at once; returns how many. One that is just logging in is cut when it is known. The sessions of an owner
   * who is gone from the store are forgotten.
   */
  disconnect(match: Match, reason: Reason): number
  /** Cuts a device's connection, waits until nothing of it is under way, and moves its kept session to another home. */
  move(device_id: string, from_home: string, to_home: string): Promise<void>
  /** The topics below a prefix that something is retained on. */
  retainedBelow(prefix: string): string[]
  /** Ends the sessions whose clients have been away for 7 days. @param now milliseconds since 1970 */
  trimSessions(now: number): Promise<void>
  /** What somebody may hear has changed; of their connections none is cut. */
  setRights(user_id: string, rights: Pick<PersonPrincipal, 'role' | 'homes'>): void
  isReadyForCommands(device_id: string): boolean
  /** The devices that are connected now. */
  connections(): DeviceConnection[]
  stats(): Stats
  /** Lets what is in flight finish and be acknowledged, up to 8 s, and closes every connection. Listeners are closed before. */
  close(): Promise<void>
}
