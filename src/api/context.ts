import type { Logger } from 'pino'
import type { Config } from '../../config/config.js'
import type { Alerts } from '../alerts/alerts.js'
import type { Detector } from '../audio/detector.js'
import type { Recordings } from '../audio/recordings.js'
import type { AuditHead } from '../audit/head.js'
import type { Refusals } from '../audit/refusals.js'
import type { Commands } from '../commands/commands.js'
import type { KeyRing } from '../devices/key-ring.js'
import type { Notifier } from '../notifications/notifier.js'
import type { Seal } from '../notifications/seal.js'
import type { Objects, OwnObjects } from '../objects/objects.js'
import type { Directory } from '../people/directory.js'
import type { SigningKeys } from '../people/signing-keys.js'
import type { DevicePrincipal } from '../principal.js'
import type { Queue } from '../queue/queue.js'
import type { Store } from '../store/store.js'

/** What became of a message that came in over HTTP or was replayed. */
export interface Ingested {
  /** Null when it was stored; else why it was quarantined, and under which id. */
  readonly quarantined: { readonly id: string; readonly message: string } | null
}

/** Whose connections to cut: those that fit every field given. */
interface Cut {
  readonly device_id?: string
  readonly key_id?: string
  readonly user_id?: string
  readonly session_id?: string
  readonly token_id?: string
}

/** A scheduled job: null what never was. Times in milliseconds since 1970. */
interface JobTold {
  readonly name: string
  /** With seconds, in UTC. */
  readonly cron: string
  readonly running: boolean
  readonly last_run_at: number | null
  readonly duration_ms: number | null
  readonly last_error: string | null
  readonly next_run_at: number | null
}

/** Where sound is kept, who is to listen to it, and what becomes of it. */
interface AudioParts {
  readonly recordings: Recordings
  readonly objects: Objects
  /** The same where the hub keeps them itself; else null. */
  readonly own_objects: OwnObjects | null
  readonly queue: Queue
  readonly detectors: readonly Detector[]
}

/** What the API is handed by `src/hub.ts`. */
export interface ApiContext {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly alerts: Alerts
  readonly commands: Commands
  readonly notifier: Pick<Notifier, 'test' | 'wake' | 'sent'>
  readonly seal: Seal
  readonly audio: AudioParts
  readonly signing_keys: SigningKeys
  readonly directory: Directory
  readonly key_ring: KeyRing
  readonly refusals: Refusals
  readonly audit_head: AuditHead
  /** On which ports devices are let in. */
  doors(): { readonly mqtt_port: number; readonly mqtts_port: number | null }
  /**
   * Takes a device's message as if it had come by MQTT. Settles after the commit.
   * @param rest the topic below the device's prefix
   * @param message_id of a message that may have come before
   * @param quarantine_id of one that is kept there already, and not kept again
   */
  ingest(
    device: DevicePrincipal,
    rest: string,
    payload: Buffer,
    message_id?: number | null,
    quarantine_id?: string | null,
  ): Promise<Ingested>
  /** Publishes a device's open difference after its desired state changed. */
  desiredChanged(device: { id: string; home_id: string }): Promise<void>
  /** Cuts the connections that fit. @returns how many */
  disconnect(match: Cut, reason: 'revoked' | 'expired'): number
  /** What these people may hear has changed: told to their connections after the commit. */
  rightsChanged(user_ids: readonly string[]): Promise<void>
  /** A device lives in another home now: its connection, its retained messages and its sessions follow. */
  deviceMoved(device: { id: string; home_id: string }, from_home: string): Promise<void>
  /** Forgets a deleted device: its retained messages go with it. */
  deviceDeleted(device: { id: string; home_id: string }): Promise<void>
  /** The same for a home, which has only its own alerts left. */
  homeDeleted(home_id: string): Promise<void>
  /** Rules have been made, changed or deleted: told after the commit. */
  rulesChanged(): void
  /** What the clock does: every job, with when it ran and when it will. */
  jobs(): Promise<readonly JobTold[]>
  /** Counters of the broker for `/metrics`: name → value. */
  traffic(): { readonly messages_per_minute: number; readonly connections: number }
  brokerStats(): Readonly<Record<string, number | Readonly<Record<string, number>>>>
}
