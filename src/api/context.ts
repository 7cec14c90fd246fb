import type { Logger } from 'pino'
import type { Config } from '../../config/config.js'
import type { Commands } from '../commands/commands.js'
import type { SigningKey } from '../people/tokens.js'
import type { DevicePrincipal } from '../principal.js'
import type { Store } from '../store/store.js'

/** What became of a message that came in over HTTP or was replayed. */
export interface Ingested {
  /** Null when it was stored; else why it was quarantined, and under which id. */
  readonly quarantined: { readonly id: string; readonly message: string } | null
}

/** What the API is handed by `src/hub.ts`. */
export interface ApiContext {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly commands: Commands
  readonly signing_key: SigningKey
  /** Finds the device of an `X-API-Key`. @throws HubError `unauthorized`, `forbidden` */
  authenticateDevice(api_key: string): Promise<DevicePrincipal>
  /** Takes a device's message as if it had come by MQTT. Settles after the commit. @param rest the topic below the device's prefix */
  ingest(device: DevicePrincipal, rest: string, payload: Buffer): Promise<Ingested>
  /** Publishes a device's open difference after its desired state changed. */
  desiredChanged(device: { id: string; home_id: string }): Promise<void>
  /** Cuts the sockets of a device, or those of one of its keys. @returns how many */
  disconnect(match: { device_id?: string; key_id?: string; user_id?: string }, reason: 'revoked' | 'expired'): number
  /** Forgets a deleted device: its retained messages go with it. */
  deviceDeleted(device: { id: string; home_id: string }): Promise<void>
  /** Counters of the broker for `/metrics`: name → value. */
  brokerStats(): Readonly<Record<string, number | Readonly<Record<string, number>>>>
}
