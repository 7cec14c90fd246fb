import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import type { Packet } from 'mqtt-packet'
import { expect, onTestFinished } from 'vitest'
import { createWebSocketStream, WebSocket } from 'ws'
import { certificate, certificateSettings } from '../broker/certificate.js'
import { RawStream } from '../broker/raw.js'
import { startHub, type TestHub, until } from '../helper.js'

export const transports = ['tcp', 'tls', 'ws'] as const
type Transport = (typeof transports)[number]
type Publish = Packet & { cmd: 'publish' }
type Connect = Packet & { cmd: 'connect' }

/** What a program heard: as told by the `mqtt` client, which acknowledges by itself. */
export interface Program {
  readonly client: MqttClient
  readonly session_present: boolean
  readonly heard: { topic: string; payload: string; qos: number; retain: boolean }[]
  payloads(): string[]
  /** Waits for a message with this payload: what was sent before it has been heard by then. */
  hears(payload: string): Promise<void>
  /** Loses the connection, without DISCONNECT. */
  drop(): Promise<void>
}

/** A hub that speaks over every transport, and a program that may do everything there. */
export interface World {
  /** Connects with the `mqtt` client. */
  program(transport: Transport, clientId: string, options?: IClientOptions): Promise<Program>
  /** Connects, packet by packet, and waits for the CONNACK. */
  raw(transport: Transport, id: string, options?: Partial<Connect>): Promise<Raw>
  /** A stream on which nothing has been said. */
  open(transport: Transport): Raw
  /** The program's password. */
  readonly secret: string
  close(): Promise<void>
}

export async function startWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-interop-'))
  const hub = await startHub(certificateSettings(folder))
  const wanted = { name: 'interop', publish: ['#'], subscribe: ['#'] }
  const { secret } = await hub.client.post<{ secret: string }>('/tokens', wanted)
  const open = (transport: Transport) => new Raw(streams[transport](hub))
  return {
    secret,
    open,
    program: (transport, clientId, options = {}) =>
      connectProgram(urls[transport](hub), { clientId, username: 'interop', password: secret, ...options }),
    raw: async (transport, id, options = {}) => {
      const raw = open(transport)
      raw.connect(id, { username: 'interop', password: Buffer.from(secret), ...options })
      raw.connack = await raw.next('connack')
      return raw
    },
    close: async () => {
      await hub.close()
      await rm(folder, { recursive: true })
    },
  }
}

const urls: Readonly<Record<Transport, (hub: TestHub) => string>> = {
  tcp: hub => hub.mqtt_url,
  tls: ({ hub }) => `mqtts://127.0.0.1:${hub.ports.mqtts}`,
  ws: ({ hub }) => `ws://127.0.0.1:${hub.ports.http}/mqtt`,
}

const streams: Readonly<Record<Transport, (hub: TestHub) => Duplex>> = {
  tcp: ({ hub }) => connect({ port: hub.ports.mqtt, host: '127.0.0.1', noDelay: true }),
  tls: ({ hub }) => connectTls({ port: hub.ports.mqtts ?? 0, host: '127.0.0.1', ca: certificate }),
  ws: hub => createWebSocketStream(new WebSocket(urls.ws(hub), ['mqtt'])),
}

async function connectProgram(url: string, options: IClientOptions): Promise<Program> {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ca: certificate, ...options })
  onTestFinished(() => client.endAsync(true))
  const heard: Program['heard'] = []
  client.on('message', (topic, payload, { qos, retain }) =>
    heard.push({ topic, payload: payload.toString(), qos, retain }),
  )
  client.on('error', () => client.end(true))
  const { sessionPresent } = await new Promise<IConnackPacket>(resolve => client.once('connect', resolve))
  const payloads = () => heard.map(({ payload }) => payload)
  return {
    client,
    session_present: sessionPresent,
    heard,
    payloads,
    hears: async payload => void (await until(() => payloads().includes(payload))),
    drop: async () => {
      client.stream.destroy()
      await client.endAsync(true)
    },
  }
}

/** A program that says what it is told to, and acknowledges nothing by itself. */
export class Raw extends RawStream {
  connack: (Packet & { cmd: 'connack' }) | null = null

  constructor(stream: Duplex) {
    super(stream)
    // A WebSocket's stream stays half open when the hub closes it.
    stream.on('end', () => stream.destroy())
  }

  async subscribe(...subscriptions: { topic: string; qos: 0 | 1 | 2 }[]): Promise<unknown[]> {
    return (await this.send({ cmd: 'subscribe', messageId: 9, subscriptions }).next('suback')).granted
  }

  /** The next PUBLISH with this payload. */
  async publish(payload: string): Promise<Publish & { messageId: number }> {
    const packet = await this.next('publish', one => one.cmd === 'publish' && String(one.payload) === payload)
    return { ...packet, messageId: packet.messageId ?? 0 }
  }

  /** Everything that was said to it before has arrived; what is left unread is told by kind. */
  async unread(): Promise<string[]> {
    await this.send({ cmd: 'pingreq' }).next('pingresp')
    return this.packets.map(({ cmd }) => cmd)
  }

  ack(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number): this {
    return this.send({ cmd, messageId })
  }
}

/** One message, as it is expected: the payload, the QoS, and whether it is a retained one. */
export const shown = ({ heard }: Program) => heard.map(({ payload, qos, retain }) => ({ payload, qos, retain }))

/** Numbers from 0 as payloads. */
export const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

/** Of some payloads that all arrived, those of each kind in the order in which they were sent. */
export function expectOrder(payloads: readonly string[], sent: readonly string[], kinds: number): void {
  const of = (list: readonly string[], kind: number) => list.filter(text => Number(text) % kinds === kind)
  for (let kind = 0; kind < kinds; kind++) expect(of(payloads, kind)).toEqual(of(sent, kind))
}
