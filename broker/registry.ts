import type { Logger } from 'pino'
import type { Reason } from '../src/inbound.js'
import type { PersonPrincipal } from '../src/principal.js'
import { earsOf } from '../src/rights.js'
import { type Connection, fits, type Match } from './connection.js'
import type { BrokerHandlers } from './contract.js'
import type { Stats } from './stats.js'

const ordinary: ReadonlySet<Reason> = new Set([
  'clean',
  'keepalive',
  'network',
  'takeover',
  'moved',
  'expired',
  'shutdown',
])

const goneMs = 10_000

interface Slot {
  holder: Connection
  /** The newest connection that waits for the holder to have closed; an older one that waited is cut. */
  next: { conn: Connection; proceed: () => void } | null
}

/**
 * Every socket, from accept to close. Presence and counts come from here: stock Aedes, with simultaneous CONNECTs of one
 * client id, loses sight of live sockets.
 */
export class Registry {
  readonly all = new Set<Connection>()
  readonly devices = new Map<string, Connection>()
  /** How often rights have changed: who was looked at while they did is looked at again. */
  rightsChanges = 0
  readonly #slots = new Map<string, Slot>()
  readonly #handlers: BrokerHandlers
  readonly #log: Logger
  readonly #stats: Stats
  #session: number

  /** @param first_session the number that the first connection gets */
  constructor(handlers: BrokerHandlers, log: Logger, stats: Stats, first_session: number) {
    this.#handlers = handlers
    this.#log = log
    this.#stats = stats
    this.#session = first_session
  }

  /** Calls `proceed` once no other connection holds this client id: the present holder is cut and waited for [MQTT-3.1.4-2]. */
  claim(conn: Connection, id: string, proceed: () => void): void {
    conn.id = id
    const slot = this.#slots.get(id)
    if (!slot) {
      this.#slots.set(id, { holder: conn, next: null })
      proceed()
      return
    }
    slot.next?.conn.end('takeover')
    slot.next = { conn, proceed }
    slot.holder.end('takeover')
  }

  /** The connection has been told that it is accepted. */
  announce(conn: Connection): void {
    conn.settle()
    conn.announced = true
    const { principal, peer } = conn
    if (principal?.kind !== 'device' || conn.info) return
    const { address, transport } = peer
    conn.info = Object.freeze({
      device: principal,
      session: this.#session++,
      connected_at: Date.now(),
      address,
      transport,
    })
    this.devices.set(principal.id, conn)
    this.tell('connected', () => conn.info && this.#handlers.connected(conn.info))
  }

  /** The connection is gone, from Aedes too. */
  finish(conn: Connection): void {
    if (conn.state === 'closed') return
    conn.state = 'closed'
    conn.settle()
    this.all.delete(conn)
    const reason = conn.reason ?? 'network'
    if (conn.announced) this.#count(conn, reason)
    const { info } = conn
    if (info && this.devices.get(info.device.id) === conn) this.devices.delete(info.device.id)
    if (info) this.tell('disconnected', () => this.#handlers.disconnected(info, reason))
    this.#release(conn)
  }

  #count({ principal, peer }: Connection, reason: Reason): void {
    this.#stats.closed[reason] = (this.#stats.closed[reason] ?? 0) + 1
    const level = ordinary.has(reason) ? 'debug' : 'warn'
    this.#log[level](
      { [principal?.kind ?? 'client']: principal?.id, address: peer.address, reason },
      'connection closed',
    )
  }

  #release(conn: Connection): void {
    const slot = this.#slots.get(conn.id)
    if (slot?.next?.conn === conn) slot.next = null
    if (slot?.holder !== conn) return
    if (slot.next) {
      slot.holder = slot.next.conn
      const { proceed } = slot.next
      slot.next = null
      proceed()
    } else this.#slots.delete(conn.id)
  }

  /** Cuts every connection that fits; one whose credential is still being checked is cut when that is known. */
  disconnect(match: Match, reason: Reason): number {
    let count = 0
    for (const conn of this.all) {
      if (conn.state === 'refused') continue
      if (conn.principal === null) {
        if (conn.state === 'authenticating') conn.barred = [...(conn.barred ?? []), match]
      } else if (fits(match, conn.principal)) {
        if (conn.reason === null) count++
        conn.end(reason)
      }
    }
    return count
  }

  /** What somebody may do has changed: from now on their connections hear what they may hear now. */
  setRights(user_id: string, rights: Pick<PersonPrincipal, 'role' | 'homes'>): void {
    this.rightsChanges++
    for (const conn of this.all) {
      const { principal } = conn
      if (principal?.kind !== 'person' || principal.id !== user_id) continue
      conn.principal = { ...principal, ...rights }
      conn.ears = earsOf(conn.principal)
    }
  }

  /** Settles when no connection of this device in this home is left, nor anything it sent on its way; at the latest after 10 s. */
  async gone({ device_id }: { device_id: string }, home_id: string): Promise<void> {
    const isLeft = (conn: Connection) => {
      const { principal } = conn
      return principal?.kind === 'device' && principal.id === device_id && principal.home_id === home_id
    }
    const leaving = [...this.all].filter(isLeft)
    const until = performance.now() + goneMs
    while (performance.now() < until && leaving.some(conn => conn.state !== 'closed' || conn.first !== null))
      await new Promise(resolve => setTimeout(resolve, 10))
  }

  /** Notes whether a device hears its commands, and tells the hub when that begins. */
  setReady(conn: Connection, ready: boolean, cancels: boolean): void {
    const { info } = conn
    const begins = ready && info !== null && (!conn.ready || (cancels && !conn.hearsCancels))
    conn.ready = ready
    conn.hearsCancels = cancels
    if (begins) this.tell('readyForCommands', () => this.#handlers.readyForCommands(info))
  }

  /** A handler that throws is a fault of the hub's, and must not end the process or a connection. */
  tell(handler: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#log.error({ err: error, handler }, 'a handler of the broker threw')
    }
  }
}
