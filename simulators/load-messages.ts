import { generate } from 'mqtt-packet'

/** A place in the packet whose digits change with every message. */
interface Digits {
  readonly at: number
  readonly length: number
}

/** What `prepareMessages` needs of the options of a load. */
export interface MessageOptions {
  readonly topic: string
  readonly in_flight: number
  readonly values: number
  readonly timed: boolean
}

const names = ['temperature', 'humidity', 'battery'] as const
const day = 86_400_000

/**
 * The PUBLISH packets of one device's window, laid end to end in one buffer and made once: message id n has place n - 1. A message is
 * made new by writing a number into its digits, which costs no JSON and no allocation.
 */
export class LoadMessages {
  readonly packets: Buffer
  readonly #length: number
  readonly #counter: Digits
  readonly #ts: Digits | null
  readonly #startedAt = Date.now()
  #made = 0

  constructor({ topic, in_flight, values, timed }: MessageOptions) {
    const payload = payloadOf(values, timed, this.#startedAt)
    const packet = generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1, dup: false, retain: false })
    this.#length = packet.length
    const payloadAt = packet.length - payload.length
    this.#counter = { at: payloadAt + payload.indexOf('10.000000'), length: 9 }
    this.#ts = timed ? { at: payloadAt + payload.indexOf(':') + 1, length: 13 } : null
    this.packets = Buffer.concat(Array.from({ length: in_flight }, () => packet))
    for (let id = 1; id <= in_flight; id++) this.packets.writeUInt16BE(id, (id - 1) * packet.length + payloadAt - 2)
  }

  /** Makes the message with this id, which must be acknowledged or never sent, a new one. */
  renew(id: number): void {
    const start = (id - 1) * this.#length
    const number = this.#made++
    // 10.000000 to 89.999999: always nine characters, and a number that JSON allows. Each is by a hundredth another one, so that whoever
    // shows two digits of it shows something new; the other digits say how many times it has been through them all.
    const hundredths = number % 8000
    writeDigits(this.packets, start + this.#counter.at + 5, 4, Math.floor(number / 8000) % 10_000)
    writeDigits(this.packets, start + this.#counter.at + 3, 2, hundredths % 100)
    writeDigits(this.packets, start + this.#counter.at, 2, 10 + Math.floor(hundredths / 100))
    // From a day ago, a millisecond a message: never the same point twice, and never in the future.
    if (this.#ts !== null) writeDigits(this.packets, start + this.#ts.at, 13, this.#startedAt - day + number)
  }

  /** The packets with these ids, which lie side by side. */
  slice(first: number, last: number): Buffer {
    return this.packets.subarray((first - 1) * this.#length, last * this.#length)
  }
}

function payloadOf(values: number, timed: boolean, now: number): string {
  const rest = Array.from(
    { length: values - 1 },
    (_, index) => `,"${names[index + 1] ?? `value_${index + 2}`}":${40 + index}.1`,
  )
  const data = `{"${names[0]}":10.000000${rest.join('')}}`
  return timed ? `{"ts":${now},"data":${data}}` : data
}

function writeDigits(buffer: Buffer, at: number, length: number, value: number): void {
  let left = value
  for (let place = at + length - 1; place >= at; place--) {
    const next = Math.floor(left / 10)
    buffer[place] = 0x30 + (left - next * 10)
    left = next
  }
}
