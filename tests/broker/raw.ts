import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { onTestFinished } from 'vitest'
import { until } from './harness.js'

/** A stream of any transport that says exactly what it is told to. */
export class RawStream {
  readonly stream: Duplex
  readonly parser = mqttPacket.parser({ protocolVersion: 4 })
  readonly packets: Packet[] = []
  readonly opened_at = performance.now()
  closed_at: number | null = null
  acks = 0

  constructor(stream: Duplex) {
    this.stream = stream
    const parser = this.parser
    stream.on('data', chunk => parser.parse(chunk))
    stream.on('error', () => undefined)
    stream.on('close', () => {
      this.closed_at = performance.now()
    })
    parser.on('packet', packet => {
      this.packets.push(packet)
      if (packet.cmd === 'puback') this.acks++
    })
    onTestFinished(() => {
      stream.destroy()
    })
  }

  get closed(): boolean {
    return this.closed_at !== null
  }

  send(...packets: (Packet | Buffer)[]): this {
    this.stream.write(
      Buffer.concat(packets.map(packet => (Buffer.isBuffer(packet) ? packet : mqttPacket.generate(packet)))),
    )
    return this
  }

  connect(id: string, options: Partial<Packet & { cmd: 'connect' }> = {}): this {
    return this.send(connectPacket(id, options))
  }

  /** Waits for the first packet of this kind that has come or comes. */
  async next<K extends Packet['cmd']>(cmd: K, which = (_packet: Packet) => true): Promise<Packet & { cmd: K }> {
    const find = () => this.packets.find(packet => packet.cmd === cmd && which(packet))
    await until(() => find() !== undefined || this.closed, `a ${cmd}`)
    const found = find()
    if (!found) throw new Error(`closed before a ${cmd}`)
    this.packets.splice(this.packets.indexOf(found), 1)
    return found as Packet & { cmd: K }
  }

  end(): Promise<void> {
    this.stream.destroy()
    return until(() => this.closed)
  }
}

/** A socket that says exactly what it is told to. */
export class Raw extends RawStream {
  readonly socket: Socket

  constructor(port: number, localAddress = '127.0.0.1') {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    super(socket)
    this.socket = socket
  }
}

export const connectPacket = (id: string, options: Partial<Packet & { cmd: 'connect' }> = {}): Packet => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clientId: id,
  clean: true,
  keepalive: 60,
  username: id,
  password: Buffer.from(`key-${id}`),
  ...options,
})

export const publishPacket = (topic: string, messageId = 1, payload: string | Buffer = '{}', more = {}): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos: messageId ? 1 : 0,
  dup: false,
  retain: false,
  ...(messageId ? { messageId } : {}),
  ...more,
})

export const subscribePacket = (filters: string[], qos: 0 | 1 | 2 = 1, messageId = 1): Packet => ({
  cmd: 'subscribe',
  messageId,
  subscriptions: filters.map(topic => ({ topic, qos })),
})

/** A raw client that has logged in. */
export async function rawDevice(port: number, id: string, options: Partial<Packet & { cmd: 'connect' }> = {}) {
  const raw = new Raw(port).connect(id, options)
  await raw.next('connack')
  return raw
}

const field = (text: string | Buffer) => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

/** A CONNECT that mqtt-packet refuses to write. */
export function connectBytes(id: string, version: number, flags: number, ...fields: (string | Buffer)[]): Buffer {
  const body = Buffer.concat([
    field(version === 3 ? 'MQIsdp' : 'MQTT'),
    Buffer.from([version, flags, 0, 60]),
    field(id),
    ...fields.map(field),
  ])
  return Buffer.concat([Buffer.from([0x10, body.length]), body])
}
