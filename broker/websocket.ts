import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import websocket from 'websocket-stream'
import type { Config } from '../config/config.js'
import type { Broker } from './contract.js'
import { bytesToRead } from './internals.js'
import { addressOf, type PendingConnections } from './limits.js'
import { maxPacketLength } from './reader.js'

export interface WebSocketOptions {
  readonly config: Config
  readonly broker: Broker
  readonly log: Logger
  readonly httpServer: HttpServer
  readonly pending: PendingConnections
}

const path = '/mqtt'
const subprotocols = ['mqtt', 'mqttv3.1']
/** Room for a packet's header, or a few small packets behind a large one. */
const slack = 1024
const closeTimeout = 1000
/** Read and not taken by the broker: above it the WebSocket is paused. */
const maxUnread = 64 * 1024

/**
 * Takes WebSocket upgrades at `/mqtt` on an HTTP server; others are answered 404. Returns how to stop taking them.
 */
export function openWebSocket({ config, broker, log, httpServer, pending }: WebSocketOptions): () => void {
  const origins = new Set(config.cors_origins?.split(',').map(origin => origin.trim()))
  const server = new websocket.Server({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxPacketLength + slack,
    handleProtocols: (offered: Set<string>) => subprotocols.find(name => offered.has(name)) ?? false,
    // Ours: how long a peer may take to answer a Close frame. The types of ws 8.18 do not know it.
    ...{ closeTimeout },
  })
  server.on('stream', (stream, request) => {
    const settled = settledOf.get(request)
    if (settled) accept(broker, stream as WebSocketStream, request, settled)
  })
  const settledOf = new WeakMap<IncomingMessage, () => void>()

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', error => log.debug({ err: error }, 'an upgrade failed'))
    const status = statusOf(request, origins)
    const settled = status === null ? pending.enter(addressOf(request.socket), () => socket.destroy()) : null
    if (!settled) {
      answer(socket, status ?? '503 Service Unavailable')
      return
    }
    socket.on('close', settled)
    settledOf.set(request, settled)
    server.handleUpgrade(request, socket as Socket, head, client => server.emit('connection', client, request))
  }
  httpServer.on('upgrade', upgrade)
  return () => httpServer.off('upgrade', upgrade)
}

type WebSocketStream = Duplex & { socket: import('ws').WebSocket }

/** Why an upgrade is refused, null when it is not. */
function statusOf({ url, headers }: IncomingMessage, origins: ReadonlySet<string>): string | null {
  if (url?.split('?', 1)[0] !== path) return '404 Not Found'
  if (!isOriginAllowed(headers.origin, headers.host, origins)) return '403 Forbidden'
  const offered = headers['sec-websocket-protocol']?.split(',').map(name => name.trim()) ?? []
  return offered.some(name => subprotocols.includes(name)) ? null : '400 Bad Request'
}

/** Browsers say where a page comes from, and send cookies and reach private networks whatever it is; other clients say nothing. */
function isOriginAllowed(origin: string | undefined, host: string | undefined, origins: ReadonlySet<string>): boolean {
  if (origin === undefined) return true
  if (origins.has(origin)) return true
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

function answer(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

function accept(broker: Broker, stream: WebSocketStream, request: IncomingMessage, settled: () => void): void {
  const { socket } = stream
  broker.handle(stream, {
    address: addressOf(request.socket),
    transport: 'ws',
    socket: request.socket,
    websocket: socket,
    settled,
  })
  // websocket-stream pushes whatever comes, without asking whether there is room
  socket.on('message', (_data: unknown, isBinary: boolean) => {
    if (!isBinary)
      stream.destroy(new Error('text frames are no MQTT')) // [MQTT-6.0.0-1]
    else if (bytesToRead(stream) > maxUnread) socket.pause()
  })
}
