import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Credentials } from './contract.js'

const minute = 60_000
const failuresAMinute = 10
const mostKept = 10_000

/** The peer's address, IPv4 as IPv4. Headers that name another one are not trusted. */
export const addressOf = (socket: Socket) => (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')

/** An address as one source: IPv4 as it is, IPv6 by its /64, since a host has all of that. */
const sourceOf = (address: string) => (address.includes(':') ? address.split(':', 4).join(':') : address)

/** Connections that have not logged in, counted by address; the oldest of all is cut when there are too many of them. */
export class PendingConnections {
  readonly #most: number
  readonly #mostOfAll: number
  readonly #counts = new Map<string, number>()
  readonly #cuts = new Set<() => void>()
  refused = 0

  /** @param most pending connections of one address, 0 for no limit */
  constructor(most: number, mostOfAll = 5000) {
    this.#most = most
    this.#mostOfAll = mostOfAll
  }

  get size(): number {
    return this.#cuts.size
  }

  /** Counts a connection in; returns how to count it out, which may be called twice, or null when there are too many. */
  enter(address: string, cut: () => void): (() => void) | null {
    const source = sourceOf(address)
    const count = this.#counts.get(source) ?? 0
    if (this.#most > 0 && count >= this.#most) {
      this.refused++
      return null
    }
    this.#counts.set(source, count + 1)
    const mine = () => cut()
    this.#cuts.add(mine)
    if (this.#cuts.size > this.#mostOfAll) this.#cutOldest()
    return () => {
      if (this.#cuts.delete(mine)) this.#countOut(source)
    }
  }

  #countOut(source: string): void {
    const left = (this.#counts.get(source) ?? 1) - 1
    if (left > 0) this.#counts.set(source, left)
    else this.#counts.delete(source)
  }

  #cutOldest(): void {
    const [oldest] = this.#cuts
    oldest?.()
  }
}

/** A map that forgets what was set longest ago when it is full. */
class BoundedMap<V> extends Map<string, V> {
  override set(key: string, value: V): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > mostKept) {
      const [oldest] = this.keys()
      if (oldest !== undefined) this.delete(oldest)
    }
    return this
  }
}

/**
 * Attempts with wrong credentials. After ten in a minute from one address the rest are refused without looking at them,
 * except for names that have logged in from that address before, which are counted by themselves: one device with an old
 * key must not lock its house out.
 */
export class FailedLogins {
  readonly #failures = new BoundedMap<{ count: number; until: number }>()
  readonly #known = new BoundedMap<true>()

  /** Counts an attempt; false when there were too many. `now` is in milliseconds on any steady clock. */
  attempt(credentials: Credentials, client_id: string, now: number): boolean {
    const key = this.#keyOf(credentials, client_id)
    const failures = this.#failures.get(key)
    if (!failures || now >= failures.until) this.#failures.set(key, { count: 1, until: now + minute })
    else if (failures.count < failuresAMinute) failures.count++
    else return false
    return true
  }

  /** The attempt was not a failure after all. Attempts count when they begin, or many at once would all get through. */
  forgive(credentials: Credentials, client_id: string): void {
    const failures = this.#failures.get(this.#keyOf(credentials, client_id))
    if (failures) failures.count--
  }

  succeeded(credentials: Credentials, client_id: string): void {
    this.forgive(credentials, client_id)
    this.#known.set(nameOf(credentials, client_id), true)
  }

  #keyOf(credentials: Credentials, client_id: string): string {
    const name = nameOf(credentials, client_id)
    return this.#known.has(name) ? name : sourceOf(credentials.address)
  }
}

/** Hashed, since a user name may be an API key, which is not kept. */
function nameOf({ address, username }: Credentials, client_id: string): string {
  return createHash('sha256')
    .update(`${sourceOf(address)}\0${username ?? ''}\0${client_id}`)
    .digest('base64')
}
