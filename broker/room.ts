import type { Connection } from './connection.js'

const unreadAtOnce = 256 * 1024

/** Settles when the peer has taken most of what waits for it, or has gone. */
export async function room(conn: Connection): Promise<void> {
  while (conn.unwritten() > unreadAtOnce && !conn.stream.destroyed) await drained(conn)
}

/** Settles when the connection's output has been taken, or has ended. */
function drained(conn: Connection): Promise<void> {
  return new Promise(resolve => {
    const { stream } = conn
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      resolve()
    }
    stream.on('drain', settle)
    stream.on('close', settle)
  })
}
