import { crcTable } from './crc.js'
import { BadRecording } from './faults.js'

/** `fLaC`, the header of a block, and the block with the stream's properties (RFC 9639, section 8.2). */
const headBytes = 42
const blockHeadBytes = 4
/** The header of a frame has no more (section 9.1). */
const maxHeaderBytes = 16
/** The decoder takes no more at a time. Of 4608 samples, 8 channels and 24 bits a frame has 442,368 before anything is saved. */
const maxFrameBytes = 8 * 65_535

/**
 * The first 42 bytes of a FLAC file, then each of its frames; what is left at the end and is no frame is left out. Where a frame ends is known by
 * its checksum alone, which goes on with every byte: however many false beginnings there are, each byte is looked at once.
 * @throws BadRecording `damaged` where no frame ends within as much as one may have
 */
export async function* partsOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const parts = new Parts()
  for await (const piece of pieces) yield* parts.of(piece)
  yield* parts.end()
}

class Parts {
  #held: Buffer = Buffer.alloc(0)
  #place: 'head' | 'blocks' | 'frames' = 'head'
  /** Bytes of a block to pass over. */
  #skip = 0
  #isLastBlock = false
  /** How far into the frame its checksum has come. */
  #at = 0
  #crc = 0;

  *of(piece: Buffer): Generator<Buffer> {
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece
    if (this.#place === 'head') {
      if (this.#held.length < headBytes) return
      const head = this.#take(headBytes)
      this.#isLastBlock = head.readUInt8(4) >= 0x80
      this.#place = 'blocks'
      yield head
    }
    while (this.#place === 'blocks') if (!this.#pass()) return
    yield* this.#frames(this.#held.length - maxHeaderBytes)
  }

  *end(): Generator<Buffer> {
    if (this.#place !== 'frames') return
    yield* this.#frames(this.#held.length)
    if (this.#held.length > 0 && this.#crc === 0) yield this.#held
  }

  #take(bytes: number): Buffer {
    const taken = this.#held.subarray(0, bytes)
    this.#held = this.#held.subarray(bytes)
    return taken
  }

  /** Passes over blocks of what is no sound, however large they are. @returns whether there may be more to do with what is held */
  #pass(): boolean {
    this.#skip -= this.#take(Math.min(this.#skip, this.#held.length)).length
    if (this.#held.length === 0) return false
    // No block begins as a frame does (section 8.1): some are not told to be the last.
    if (this.#isLastBlock || this.#held.readUInt8(0) === 0xff) this.#place = 'frames'
    else {
      if (this.#held.length < blockHeadBytes) return false
      const head = this.#take(blockHeadBytes)
      this.#isLastBlock = head.readUInt8(0) >= 0x80
      this.#skip = head.readUIntBE(1, 3)
    }
    return true
  }

  /** The frames that another follows which begins before `end`. */
  *#frames(end: number): Generator<Buffer> {
    let left = end
    while (this.#seek(left)) {
      const frame = this.#take(this.#at)
      left -= frame.length
      this.#at = 0
      yield frame
    }
  }

  /** @returns whether there is the end of a frame, which is where its checksum comes to nothing and another begins */
  #seek(end: number): boolean {
    const until = Math.min(end, maxFrameBytes + 1)
    let [at, crc] = [this.#at, this.#crc]
    let isEnd = false
    for (; at < until; at++) {
      const byte = this.#held[at] as number
      isEnd = crc === 0 && byte === 0xff && at > 0 && isHeader(this.#held.subarray(at, at + maxHeaderBytes))
      if (isEnd) break
      crc = ((crc << 8) & 0xff00) ^ (crc16[(crc >> 8) ^ byte] as number)
    }
    if (at > maxFrameBytes) throw new BadRecording('damaged', 'Its sound is damaged.')
    ;[this.#at, this.#crc] = [at, crc]
    return isEnd
  }
}

const crc16 = crcTable(16, 0x8005)
const crc8 = crcTable(8, 0x07)

/** Whether the header of a frame stands here (section 9.1). */
function isHeader(bytes: Buffer): boolean {
  const [sync = 0, strategy = 0, sizes = 0, channels = 0, number = 0] = bytes
  if (sync !== 0xff || (strategy & 0xfe) !== 0xf8) return false
  const [size, rate] = [sizes >> 4, sizes & 0xf]
  if (size === 0 || rate === 0xf || channels >> 4 > 10 || (channels & 1) !== 0) return false
  // The frame's number is written as UTF-8 writes a character: with as many bytes as its first has ones before a zero.
  const ones = Math.clz32(~number << 24)
  if (ones === 1 || ones > 7) return false
  const length = 5 + Math.max(1, ones) + (sizeBytes[size] ?? 0) + (rateBytes[rate] ?? 0)
  return length <= bytes.length && bytes.subarray(0, length).reduce((crc, byte) => crc8[crc ^ byte] as number, 0) === 0
}

/** How many more bytes these codes of a size and of a rate have at the end of the header. */
const sizeBytes: Readonly<Record<number, number>> = { 6: 1, 7: 2 }
const rateBytes: Readonly<Record<number, number>> = { 12: 1, 13: 2, 14: 2 }
