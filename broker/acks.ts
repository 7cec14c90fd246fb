import type { Connection } from './connection.js'

const length = 4

/**
 * The PUBACKs of messages that were committed together, gathered until the running task ends and written with one call for each socket:
 * a packet, a callback and a write of its own for each message took a quarter of the broker's time.
 */
export class Acks {
  #waiting: Connection[] = []

  add(conn: Connection, message_id: number): void {
    if (conn.acks === null) {
      conn.acks = []
      if (this.#waiting.push(conn) === 1) queueMicrotask(() => this.#write())
    }
    conn.acks.push(message_id)
  }

  #write(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const conn of waiting) {
      const ids = conn.acks ?? []
      conn.acks = null
      if (conn.stream.writable) conn.stream.write(packets(ids))
    }
  }
}

/** A PUBACK for each message id [MQTT-3.4]. */
function packets(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * length)
  ids.forEach((id, i) => {
    bytes.writeUInt16BE(0x4002, i * length)
    bytes.writeUInt16BE(id, i * length + 2)
  })
  return bytes
}
