import type { DevicePrincipal } from './principal.js'
import type { Inbound } from './topics.js'

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
  /** Since when the device's connection has been open, in milliseconds since 1970; null over HTTP and for what a program says. */
  readonly connected_at: number | null
  /** Under which it is kept in the quarantine, when it comes from there. */
  readonly quarantine_id?: string | null
}

/** How bad an alert is, the worst first. */
export const severities = ['critical', 'major', 'minor', 'warning', 'info'] as const
export type Severity = (typeof severities)[number]

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
const reasons = [
  'clean',
  'keepalive',
  'network',
  'takeover',
  'moved',
  'revoked',
  'expired',
  'protocol',
  'too_large',
  'forbidden',
  'slow',
  'storage',
  'shutdown',
] as const
export type Reason = (typeof reasons)[number]

/** Why a device is not there: how its connection ended, that the hub itself was gone, or that it did not come back from its sleep. */
export const presenceReasons = [...reasons, 'hub_restart', 'overdue'] as const
export type PresenceReason = (typeof presenceReasons)[number]

export const presenceStatuses = ['online', 'offline', 'sleeping'] as const
export type PresenceStatus = (typeof presenceStatuses)[number]
