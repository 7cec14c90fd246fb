import type { Logger } from 'pino'
import type { Connection } from './connection.js'
import { Refusal } from './contract.js'
import { readChunk } from './frames.js'
import { type AedesClient, bytesToRead, type Parser } from './internals.js'
import type { PublishHost } from './receive.js'
import type { RateLimit } from './throttle.js'

/** Above these a connection is not read from: its publishes are not committed yet, or it does not take our answers. */
const maxPackets = 1000
const maxBytes = 1024 * 1024
const maxUnwritten = 64 * 1024
const slice = 16 * 1024
/** With a rate limit little is read at a time, so that a burst is not much longer than a second's worth. */
const limitedSlice = 2048
const maxConnectLength = 4096
export const maxPacketLength = 256 * 1024

/** How the reader gets at the rest of the broker. */
export interface ReaderHost extends PublishHost {
  readonly rateLimit: RateLimit
  readonly log: Logger
  refused(conn: Connection, error: unknown): void
  /** Nothing more is read. */
  readonly closing: boolean
}

/**
 * Puts our read loop in the place of Aedes' own, which takes no account of publishes that are not committed and, for packets
 * larger than a chunk, reads on without end.
 */
export function takeOverReading(conn: Connection, client: AedesClient, host: ReaderHost): void {
  const { stream } = conn
  const pumpThis = () => pump(conn, client, host)
  stream.removeAllListeners('readable')
  stream.on('readable', pumpThis)
  stream.on('drain', pumpThis)
  client._parsingBatch = 0
  client._nextBatch = error => {
    if (conn.packets > 0) conn.packets--
    if (error) client.emit('error', error)
    else if (conn.blocked && conn.packets < maxPackets / 2) pump(conn, client, host)
  }
  client._parser._parseLength = boundedParseLength
  client._parser._emitError = error => {
    client._parser.error = error
    // [MQTT-3.1.2-2]: mqtt-packet stops at versions it does not know, and Aedes would not answer
    if (error.message === 'Invalid protocol version') host.refused(conn, new Refusal(1, 'protocol version'))
    else client._parser.emit('error', error)
  }
}

/** Reads and parses until a bound is reached or nothing is left. */
export function pump(conn: Connection, client: AedesClient, host: ReaderHost): void {
  const { stream, peer } = conn
  const most = host.rateLimit.deviceRate > 0 ? limitedSlice : slice
  while (mayRead(conn, client, host)) {
    // read(n) never ends a stream whose last bytes it takes, so what fits is taken with read()
    const chunk: Buffer | null = bytesToRead(stream) > most ? stream.read(most) : stream.read()
    if (chunk === null) break
    parse(conn, client, chunk, host)
    if (bytesToRead(stream) === 0) break
  }
  if (peer.websocket?.isPaused && bytesToRead(stream) < slice) peer.websocket.resume()
}

/** What is thrown here would otherwise be thrown at the process. */
function parse(conn: Connection, client: AedesClient, chunk: Buffer, host: ReaderHost): void {
  try {
    readChunk(host, conn, client, chunk)
  } catch (error) {
    host.log.error({ err: error, address: conn.peer.address }, 'a packet could not be handled')
    conn.end('protocol')
  }
}

function mayRead(conn: Connection, client: AedesClient, host: ReaderHost): boolean {
  conn.blocked = true
  if (host.closing || client.closed || (conn.state !== 'new' && conn.state !== 'live')) return false
  if (conn.packets >= maxPackets || conn.bytes >= maxBytes || conn.unwritten() > maxUnwritten) return false
  if (conn.state === 'live' && !host.rateLimit.admits(conn, () => pump(conn, client, host))) return false
  conn.blocked = false
  return true
}

/**
 * mqtt-packet gathers whatever length is announced: four sockets announcing 256 MB took 600 MB in 3 s. Before CONNECT is
 * parsed 4 KiB are enough; until it is answered nothing more is read.
 */
function boundedParseLength(this: Parser): boolean {
  const proto: Parser = Object.getPrototypeOf(this)
  if (!proto._parseLength.call(this)) return false
  const conn = this.client.req
  if (this.packet.length <= (conn.state === 'new' ? maxConnectLength : maxPacketLength)) return true
  conn.reason ??= 'too_large'
  this._emitError(new Error('packet too large'))
  return false
}
