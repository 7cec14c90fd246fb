import { readFileSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import { HubError } from '../src/errors.js'
import type { Broker } from './contract.js'
import { addressOf, PendingConnections } from './limits.js'
import { openWebSocket } from './websocket.js'

export interface ListenerOptions {
  readonly config: Config
  readonly broker: Broker
  readonly log: Logger
  /** The HTTP server at whose `/mqtt` MQTT over WebSocket is spoken. */
  readonly httpServer?: HttpServer
}

export interface Listeners {
  readonly mqtt_port: number
  /** Null when no certificate is configured. */
  readonly mqtts_port: number | null
  /** Takes no more connections; those that there are stay. */
  close(): Promise<void>
}

const handshakeTimeout = 5000
/** Connections the system accepts ahead of us: with Node's 511 a flood costs everybody a second for a repeated SYN. */
const backlog = 4096

/** Opens MQTT over TCP, over TLS when a certificate is configured, and over WebSocket. Resolves when all of them listen. */
export async function openListeners({ config, broker, log, httpServer }: ListenerOptions): Promise<Listeners> {
  const pending = new PendingConnections(config.limit_pending_connections)
  const tcp = createServer({ noDelay: true }, socket => acceptTcp(broker, pending, socket))
  const tls =
    config.tls_cert && config.tls_key ? tlsServer(config.tls_cert, config.tls_key, broker, pending, log) : null
  const closeWebSocket = httpServer && openWebSocket({ config, broker, log, httpServer, pending })
  const close = async () => {
    closeWebSocket?.()
    // Awaiting the servers would wait for their connections, which the broker ends
    tcp.close()
    tls?.close()
  }
  try {
    await listen(tcp, config.mqtt_port, config.host, log)
    if (tls) await listen(tls, config.mqtts_port, config.host, log)
  } catch (error) {
    await close()
    throw error
  }
  return { mqtt_port: portOf(tcp), mqtts_port: tls && portOf(tls), close }
}

function acceptTcp(broker: Broker, pending: PendingConnections, socket: Socket): void {
  const address = addressOf(socket)
  const settled = pending.enter(address, () => socket.destroy())
  if (settled) broker.handle(socket, { address, transport: 'tcp', socket, settled })
  else socket.destroy()
}

/** Connections count as pending from the first byte, so that handshakes that are never finished are bounded too. */
function readSetting(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException
    throw new HubError('invalid_request', `${name}: cannot read ${path} (${code})`, [], cause)
  }
}

function tlsServer(cert: string, key: string, broker: Broker, pending: PendingConnections, log: Logger): Server {
  const settledOf = new Map<string, () => void>()
  const server = createTlsServer({
    cert: readSetting('HEARTH_TLS_CERT', cert),
    key: readSetting('HEARTH_TLS_KEY', key),
    minVersion: 'TLSv1.2',
    handshakeTimeout,
    noDelay: true,
  })
  server.on('connection', (raw: Socket) => {
    const peer = endOf(raw)
    const settled = pending.enter(addressOf(raw), () => raw.destroy())
    if (!settled) {
      raw.destroy()
      return
    }
    settledOf.set(peer, settled)
    raw.on('close', () => {
      settled()
      settledOf.delete(peer)
    })
  })
  server.on('secureConnection', socket => {
    const settled = settledOf.get(endOf(socket))
    if (settled) broker.handle(socket, { address: addressOf(socket), transport: 'tls', socket, settled })
    else socket.destroy()
  })
  server.on('tlsClientError', (error, socket) => {
    log.debug({ err: error, address: addressOf(socket) }, 'a TLS handshake failed')
    socket.destroy()
  })
  return server
}

const endOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`

function listen(server: Server, port: number, host: string, log: Logger): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog }, () => {
      server.off('error', reject)
      // Too many open files, say: those who are connected are served all the same
      server.on('error', error => log.error({ err: error }, 'a connection could not be accepted'))
      resolve()
    })
  })
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
