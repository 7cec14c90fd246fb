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

/** What is known of one source of attempts. */
interface Source {
  failures: number
  /** When its failures are forgotten. */
  until: number
  underWay: number
  readonly waiting: (() => void)[]
}

/** An attempt that is being looked at. One of these is called, once. */
export interface Attempt {
  succeeded(): void
  failed(): void
  /** It came to nothing, and not by a wrong credential. */
  dropped(): void
}

/**
 * Attempts with wrong credentials. After ten in a minute from one address the rest are refused without looking at them,
 * except for names that have logged in from there before, which are counted by themselves: one device with an old key
 * must not lock its house out. Of many at once only as many are looked at as may still fail; the others wait their turn,
 * so that a house full of devices that reconnects is let in whole.
 */
export class FailedLogins {
  readonly #sources = new BoundedMap<Source>()
  readonly #known = new BoundedMap<true>()

  /** Settles when it is this attempt's turn, with null when there were too many failures. @param clock a steady one, in milliseconds */
  async begin(credentials: Credentials, client_id: string, clock: { readonly now: number }): Promise<Attempt | null> {
    const name = nameOf(credentials, client_id)
    const source = this.#sourceOf(this.#known.has(name) ? name : sourceOf(credentials.address))
    if (clock.now >= source.until) source.failures = 0
    while (source.failures + source.underWay >= failuresAMinute) {
      if (source.failures >= failuresAMinute) return null
      await new Promise<void>(resolve => source.waiting.push(resolve))
    }
    source.underWay++
    return {
      succeeded: () => {
        this.#known.set(name, true)
        end(source)
      },
      failed: () => {
        if (source.failures++ === 0) source.until = clock.now + minute
        end(source)
      },
      dropped: () => end(source),
    }
  }

  #sourceOf(key: string): Source {
    const known = this.#sources.get(key)
    if (known) return known
    const source = { failures: 0, until: 0, underWay: 0, waiting: [] }
    this.#sources.set(key, source)
    return source
  }
}

/** Lets the next one look; when there were too many failures, all of them, to be refused. */
function end(source: Source): void {
  source.underWay--
  const next = source.failures >= failuresAMinute ? source.waiting.length : 1
  for (const go of source.waiting.splice(0, next)) go()
}

/** Hashed, since a user name may be an API key, which is not kept. */
function nameOf({ address, username }: Credentials, client_id: string): string {
  return createHash('sha256')
    .update(`${sourceOf(address)}\0${username ?? ''}\0${client_id}`)
    .digest('base64')
}
