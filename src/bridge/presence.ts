import { type Presence, type PresenceChange, presencePayload, recordPresence } from '../devices/presence.js'
import { recordOverdue, recordRevoked } from '../devices/sleep.js'
import type { DeviceConnection, Reason } from '../inbound.js'
import { mountedTopic } from '../topics.js'
import type { BridgeContext } from './bridge.js'

type Context = Pick<BridgeContext, 'store' | 'publish' | 'log' | 'rules'>

/** Presence is what the hub's own count of sockets says (D6): kept, then told, retained. */
export class Presences {
  readonly #context: Context
  readonly #opened_at = Date.now()
  /** The newest change of each device that could not be written when it happened. */
  readonly #unwritten = new Map<string, PresenceChange>()

  constructor(context: Context) {
    this.#context = context
  }

  connected(connection: DeviceConnection): Promise<void> {
    return this.#changed(onlineOf(connection))
  }

  disconnected({ device, session, connected_at }: DeviceConnection, reason: Reason): Promise<void> {
    return this.#changed({
      device_id: device.id,
      status: 'offline',
      reason,
      at: Date.now(),
      session,
      connected_at,
    })
  }

  /** Those who have not come back from their sleep are offline now. @param now milliseconds since 1970 */
  async endSleep(now: number): Promise<void> {
    const presences = await recordOverdue(this.#context.store.db, now, this.#opened_at)
    for (const presence of presences) await publishPresence(this.#context, presence)
  }

  /** A device may not connect any more: one that sleeps will not come back. */
  async revoked(device_id: string): Promise<void> {
    const presence = await recordRevoked(this.#context.store.db, device_id, Date.now())
    if (presence) await publishPresence(this.#context, presence)
  }

  /**
   * Writes what could not be written when it happened, and brings rows that are wrong all the same back to what the sockets say.
   * @param connections asked after the rows were read, so that a connection that opens meanwhile is not taken for a lost one
   */
  async reconcile(connections: () => Iterable<DeviceConnection>): Promise<void> {
    for (const change of [...this.#unwritten.values()]) await this.#write(change)
    const rows = await this.#context.store.db.selectFrom('presence').selectAll().execute()
    const live = new Map([...connections()].map(connection => [connection.device.id, connection]))
    const online = rows.filter(row => row.status === 'online')
    const known = new Set(online.map(row => row.device_id))
    const lost = online.filter(row => !live.has(row.device_id)).map(lostOf)
    const unseen = [...live.values()].filter(({ device }) => !known.has(device.id)).map(onlineOf)
    await Promise.all([...lost, ...unseen].map(change => this.#write(change)))
  }

  async #changed(change: PresenceChange): Promise<void> {
    try {
      await this.#write(change)
    } catch (err) {
      // The socket has come or gone whether or not this can be kept; the reconciling job writes it when that is possible again.
      this.#unwritten.set(change.device_id, change)
      const { device_id, status } = change
      this.#context.log.error({ err, device_id, status }, 'presence could not be recorded')
    }
  }

  async #write(change: PresenceChange): Promise<void> {
    const presence = await recordPresence(this.#context.store.db, change)
    const unwritten = this.#unwritten.get(change.device_id)
    if (unwritten && unwritten.at <= change.at) this.#unwritten.delete(change.device_id)
    if (presence) await publishPresence(this.#context, presence)
  }
}

const onlineOf = ({ device, session, connected_at }: DeviceConnection): PresenceChange => ({
  device_id: device.id,
  status: 'online',
  reason: null,
  at: connected_at,
  session,
})

const lostOf = ({ device_id, session, since }: Presence): PresenceChange => ({
  device_id,
  status: 'offline',
  reason: 'network',
  at: Date.now(),
  session,
  connected_at: since,
})

/** Tells of a presence that has been committed. */
export function publishPresence(
  { publish, rules }: Pick<BridgeContext, 'publish' | 'rules'>,
  presence: Presence,
): Promise<void> {
  rules.presence(presence.device_id, presence.status, presence.since)
  const topic = mountedTopic(presence.home_id, presence.device_id, 'presence')
  return publish(topic, presencePayload(presence), { qos: 1, retain: true })
}
