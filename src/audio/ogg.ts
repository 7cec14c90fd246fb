import { crcTable } from './crc.js'
import { BadRecording } from './faults.js'

/** The bytes of a page before its table of segments (RFC 3533, section 6). */
const headBytes = 27
const maxPacketBytes = 1 << 20

/** The packets of the first stream of an Ogg file, in their order. @throws BadRecording `damaged` */
export async function* packetsOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const packets = new Packets()
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of pieces) {
    held = held.length > 0 ? Buffer.concat([held, piece]) : piece
    for (let size = sizeOfPage(held); size !== null && held.length >= size; size = sizeOfPage(held)) {
      yield* packets.of(held.subarray(0, size))
      held = held.subarray(size)
    }
  }
}

/** @returns null while it cannot be told yet */
function sizeOfPage(held: Buffer): number | null {
  if (held.length < headBytes) return null
  if (held.toString('latin1', 0, 4) !== 'OggS' || held.readUInt8(4) !== 0) throw damaged()
  const segments = held.readUInt8(26)
  if (held.length < headBytes + segments) return null
  return held.subarray(headBytes, headBytes + segments).reduce((sum, length) => sum + length, headBytes + segments)
}

const damaged = () => new BadRecording('damaged', 'It is no Ogg file, or is damaged.')

class Packets {
  #serial: number | null = null
  /** What of a packet came with the pages before. */
  #begun: Buffer[] = []
  #bytes = 0

  /** Those that end with this page. */
  of(page: Buffer): Buffer[] {
    const serial = page.readUInt32LE(14)
    this.#serial ??= serial
    if (serial !== this.#serial) return []
    if (checksum(page) !== page.readUInt32LE(22)) throw damaged()
    const segments = page.readUInt8(26)
    const ended: Buffer[] = []
    let at = headBytes + segments
    for (let i = 0; i < segments; i++) {
      const length = page.readUInt8(headBytes + i)
      this.#begun.push(page.subarray(at, at + length))
      this.#bytes += length
      at += length
      if (this.#bytes > maxPacketBytes) throw damaged()
      // A segment that is not full ends its packet.
      if (length < 255) ended.push(this.#whole())
    }
    return ended
  }

  #whole(): Buffer {
    const packet = Buffer.concat(this.#begun.splice(0))
    this.#bytes = 0
    return packet
  }
}

const table = crcTable(32, 0x04c11db7)

/** CRC-32 as Ogg has it, over a page of which the checksum itself counts as zero. */
function checksum(page: Buffer): number {
  let crc = 0
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : (page[i] as number)
    crc = ((crc << 8) ^ (table[((crc >>> 24) ^ byte) & 0xff] as number)) >>> 0
  }
  return crc
}
