import type { Logger } from 'pino'
import type { Connection } from './connection.js'
import { type BrokerHandlers, Refusal } from './contract.js'
import type { Stats } from './stats.js'

/**
 * Answers a CONNECT with a return code and closes behind it. Aedes would destroy the socket under its CONNACK, which then may
 * not arrive: here the answer is flushed, what the client still sends is thrown away, and the sweep ends who does not leave.
 */
export function refuse(
  host: { readonly counters: Stats; readonly log: Logger; readonly now: number; readonly handlers: BrokerHandlers },
  conn: Connection,
  error: unknown,
): void {
  if (conn.state === 'refused' || conn.state === 'closed' || conn.stream.destroyed) return
  const refusal = error instanceof Refusal ? error : new Refusal(3, 'unavailable')
  if (refusal !== error) host.log.error({ err: error }, 'a credential could not be checked')
  const { refused } = host.counters
  refused[refusal.reason] = (refused[refusal.reason] ?? 0) + 1
  if (refusal.returnCode === 2 || refusal.returnCode >= 4) {
    const { principal, peer } = conn
    host.handlers.refused({ principal, address: peer.address, action: 'mqtt.connect', target: refusal.reason })
  }
  host.log.info({ address: conn.peer.address, code: refusal.returnCode, reason: refusal.reason }, 'CONNECT refused')
  conn.enter('refused', host.now)
  conn.reason ??= 'forbidden'
  const { stream, client } = conn
  if (client) client._will = null
  stream.removeAllListeners('readable')
  stream.resume()
  stream.end(Buffer.from([0x20, 2, 0, refusal.returnCode]))
}
