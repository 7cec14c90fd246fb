import type { Connection } from './connection.js'

const tick = 50
/** Packets a second of those who publish nothing: people, who only subscribe and ping. */
const peopleRate = 1000

/**
 * Messages a second and connection, with a burst of a second's worth. Above it a connection is not read from: the excess
 * waits in the sender, and nothing is dropped or refused.
 */
export class RateLimit {
  readonly deviceRate: number
  readonly #waiting = new Map<Connection, () => void>()
  #timer: NodeJS.Timeout | null = null

  constructor(deviceRate: number) {
    this.deviceRate = deviceRate
  }

  /** Whether more may be read; when not, `resume` is called once it may. */
  admits(conn: Connection, resume: () => void): boolean {
    const rate = conn.mount === '' ? peopleRate : this.deviceRate
    if (rate === 0) return true
    if (conn.tokens > 0) return true
    this.#refill(conn, rate)
    if (conn.tokens > 0) return true
    this.#waiting.set(conn, resume)
    this.#timer ??= setInterval(() => this.#resumeAll(), tick)
    return false
  }

  #refill(conn: Connection, rate: number): void {
    const now = performance.now()
    conn.tokens = conn.refilled === 0 ? rate : Math.min(rate, conn.tokens + ((now - conn.refilled) * rate) / 1000)
    conn.refilled = now
  }

  #resumeAll(): void {
    const due = [...this.#waiting]
    this.#waiting.clear()
    for (const [conn, resume] of due) {
      // What is kept waiting is alive: its pings wait behind its messages
      conn.client?._keepaliveTimer?.refresh()
      resume()
    }
    if (this.#waiting.size === 0) this.stop()
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }
}
