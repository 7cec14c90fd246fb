import { connect, type Socket } from 'node:net'
import mqttPacket, { type Packet } from 'mqtt-packet'

interface Sent {
  readonly n: number
  readonly payload: string
}

interface Options {
  readonly id: string
  readonly api_key: string
  /** Asked at each attempt: a hub may have moved. */
  readonly port: () => number
  /** Whether its readings bear times of their own. */
  readonly timed: boolean
  /** Messages without an acknowledgement at a time. */
  readonly window?: number
}

/** Between attempts to connect, in milliseconds. */
const retryMs = 25

/**
 * A device that never forgets: it publishes readings at QoS 1, each with a number of its own, writes down which were acknowledged, and sends
 * the others again with DUP when it is back [MQTT-4.4.0-1].
 */
export class LedgerDevice {
  readonly id: string
  readonly acknowledged = new Set<number>()
  readonly #options: Options
  readonly #began = Date.now() - 3_600_000
  readonly #unacknowledged = new Map<number, Sent>()
  #socket: Socket | null = null
  #retry: NodeJS.Timeout | null = null
  #n = 0
  #messageId = 0
  #stopped = false
  connected = false
  /** How often its connection has ended. */
  lost = 0

  constructor(options: Options) {
    this.id = options.id
    this.#options = options
    this.#connect()
  }

  /** How many readings it has sent. */
  get sent(): number {
    return this.#n
  }

  get waiting(): number {
    return this.#unacknowledged.size
  }

  /** Sends nothing new; what was sent is still sent again until it is acknowledged. */
  finish(): void {
    this.#stopped = true
  }

  close(): void {
    this.#stopped = true
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = null
    this.#socket?.removeAllListeners('close')
    this.#socket?.destroy()
  }

  #connect(): void {
    const { id, api_key, port } = this.#options
    const socket = connect({ port: port(), host: '127.0.0.1', noDelay: true })
    const parser = mqttPacket.parser({ protocolVersion: 4 })
    parser.on('packet', packet => this.#heard(packet))
    socket.on('data', chunk => parser.parse(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.connected) this.lost++
      this.connected = false
      this.#retry = setTimeout(() => this.#connect(), retryMs)
    })
    this.#socket = socket
    const who = { clientId: id, username: id, password: Buffer.from(api_key) }
    this.#write({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 30, ...who })
  }

  #heard(packet: Packet): void {
    if (packet.cmd === 'connack' && packet.returnCode === 0) {
      this.connected = true
      for (const [messageId, { payload }] of this.#unacknowledged) this.#publish(messageId, payload, true)
      this.#fill()
    }
    if (packet.cmd === 'puback' && packet.messageId !== undefined) {
      const sent = this.#unacknowledged.get(packet.messageId)
      if (sent) this.acknowledged.add(sent.n)
      this.#unacknowledged.delete(packet.messageId)
      this.#fill()
    }
  }

  #fill(): void {
    const { window = 2, timed } = this.#options
    while (!this.#stopped && this.#unacknowledged.size < window) {
      const n = this.#n++
      const data = { n }
      const payload = JSON.stringify(timed ? { ts: this.#began + n, data } : data)
      this.#messageId = (this.#messageId % 65_535) + 1
      this.#unacknowledged.set(this.#messageId, { n, payload })
      this.#publish(this.#messageId, payload, false)
    }
  }

  #publish(messageId: number, payload: string, dup: boolean): void {
    this.#write({
      cmd: 'publish',
      topic: `devices/${this.id}/telemetry`,
      payload,
      qos: 1,
      messageId,
      dup,
      retain: false,
    })
  }

  #write(packet: Packet): void {
    this.#socket?.write(mqttPacket.generate(packet))
  }
}
