import { connect, type Socket } from 'node:net'
import { generate } from 'mqtt-packet'

/** Packet types as the first byte of a frame [MQTT-2.2.1]. */
const connack = 0x20
const puback = 0x40
const pingreq = generate({ cmd: 'pingreq' })
const disconnect = generate({ cmd: 'disconnect' })
const nothing = Buffer.alloc(0)
/** All connections read into it, one after the other: a buffer for each read was a tenth of what a message costs. */
const readInto = Buffer.alloc(64 * 1024)
/** How long a CONNACK may take. */
const connackMs = 30_000

export interface LoadConnectionOptions {
  readonly host: string
  readonly port: number
  /** Client id, and user name when there is a password. */
  readonly id: string
  readonly password?: string | undefined
  readonly keepalive_s: number
  /** Called with the message ids of all PUBACKs of one read, in the order they came. */
  readonly acknowledged: (ids: readonly number[]) => void
}

/**
 * An MQTT connection stripped to what a load needs: bytes go out as they are, and only the frames that answer them are looked at.
 * It subscribes to nothing, so every frame it gets is at most 4 bytes long.
 */
export class LoadConnection {
  /** Settles with the CONNACK; rejects when it refuses, does not come within 30 s, or the connection ends before it. */
  readonly opened: Promise<void>
  /** Settles when the connection is closed, with the socket's error if it had one. */
  readonly ended: Promise<Error | null>
  readonly #socket: Socket
  readonly #acknowledged: (ids: readonly number[]) => void
  /** It was us who ended it. */
  closing = false
  #rest: Buffer = nothing
  #answered: (returnCode: number) => void = () => undefined

  constructor(options: LoadConnectionOptions) {
    this.#acknowledged = options.acknowledged
    const callback = (length: number, bytes: Uint8Array) =>
      this.#read(Buffer.from(bytes.buffer, bytes.byteOffset, length))
    const { host, port } = options
    const socket = connect({ host, port, noDelay: true, onread: { buffer: readInto, callback } })
    this.#socket = socket
    let failure: Error | null = null
    socket.on('connect', () => socket.write(connectPacket(options)))
    socket.on('error', error => {
      failure = error
    })
    this.ended = new Promise(resolve => {
      socket.on('close', () => resolve(failure))
    })
    this.opened = new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error('no CONNACK in time')), connackMs)
      this.#answered = returnCode => {
        if (returnCode === 0) resolve()
        else socket.destroy(new Error(`refused with return code ${returnCode}`))
        clearTimeout(timer)
      }
      // Nobody hears this once it is open.
      socket.on('close', () => {
        clearTimeout(timer)
        reject(failure ?? new Error('closed before CONNACK'))
      })
    })
  }

  /** The bytes must stay as they are until the messages in them are acknowledged. */
  write(packets: Buffer): void {
    this.#socket.write(packets)
  }

  ping(): void {
    this.#socket.write(pingreq)
  }

  /** Disconnects in good order. */
  close(): void {
    this.closing = true
    this.#socket.end(disconnect)
  }

  destroy(): void {
    this.closing = true
    this.#socket.destroy()
  }

  #read(data: Buffer): true {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    const ids: number[] = []
    let at = 0
    // A frame is its type, the length of the rest in one byte, and the rest.
    while (at + 2 <= bytes.length) {
      const end = at + 2 + (bytes[at + 1] ?? 0)
      if (end > bytes.length) break
      if (bytes[at] === puback) ids.push(bytes.readUInt16BE(at + 2))
      else if (bytes[at] === connack) this.#answered(bytes[at + 3] ?? 0)
      at = end
    }
    this.#rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at))
    if (ids.length > 0) this.#acknowledged(ids)
    return true
  }
}

function connectPacket({ id, password, keepalive_s }: LoadConnectionOptions): Buffer {
  const credentials = password === undefined ? {} : { username: id, password: Buffer.from(password) }
  return generate({
    cmd: 'connect',
    clientId: id,
    clean: true,
    keepalive: keepalive_s,
    protocolVersion: 4,
    ...credentials,
  })
}
