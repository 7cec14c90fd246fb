import type { Logger } from 'pino'
import type { Config } from '../../config/config.js'
import type { Alerts } from '../alerts/alerts.js'
import type { Recordings } from '../audio/recordings.js'
import type { Commands } from '../commands/commands.js'
import type { Objects } from '../objects/objects.js'
import type { Store } from '../store/store.js'
import type { UseCounts } from '../uses.js'

export interface JobContext {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly alerts: Pick<Alerts, 'clear' | 'close'>
  readonly commands: Commands
  readonly audio: { readonly recordings: Recordings; readonly objects: Objects }
  /** Aborted when the hub stops. */
  readonly signal: AbortSignal
  /** When each device was last heard since this was last called. */
  takeSeen(): ReadonlyMap<string, number>
  /** How often each API key and service token was used since this was last called. */
  takeKeyUses(): UseCounts
  takeTokenUses(): UseCounts
  /** Whether somebody who planned a command may give it now. */
  mayCommand(created_by: string, device: { readonly id: string; readonly home_id: string }): Promise<boolean>
  /** Brings the presence rows back to what the broker's sockets say. */
  reconcilePresence(): Promise<void>
  /** Takes those who have slept too long for offline. @param now milliseconds since 1970 */
  endSleep(now: number): Promise<void>
  /** Ends the MQTT sessions whose clients have been away too long. @param now milliseconds since 1970 */
  trimSessions(now: number): Promise<void>
}

export interface Job {
  readonly name: string
  /** When, as a cron line with seconds, in UTC. */
  readonly cron: string
  /** The longest time between two runs, in milliseconds: a start that finds the last run longer ago makes up for it. */
  readonly everyMs: number
  /** Whether it is run once more when the hub stops. */
  readonly atStop?: true
  /** Whether it may ask a server elsewhere: a start does not wait for it, and a stop breaks it off. */
  readonly far?: true
  /** @param now milliseconds since 1970 */
  run(context: JobContext, now: number): Promise<unknown>
}
