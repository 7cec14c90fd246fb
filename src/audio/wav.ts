import { BadRecording } from './faults.js'
import { Mono } from './mono.js'

type Read = (view: DataView, at: number) => number

/** How samples are written: by the format's number and the bits of one, little endian. */
const encodings: Readonly<Record<string, Read>> = {
  '1/8': (view, at) => (view.getUint8(at) - 128) / 128,
  '1/16': (view, at) => view.getInt16(at, true) / 32_768,
  '1/24': (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608,
  '1/32': (view, at) => view.getInt32(at, true) / 2_147_483_648,
  '3/32': (view, at) => view.getFloat32(at, true),
  '3/64': (view, at) => view.getFloat64(at, true),
}
/** Its format stands further on, at the beginning of a GUID. */
const extensible = 0xfffe
const maxFormatBytes = 64

interface Encoding {
  readonly read: Read
  readonly width: number
  readonly mono: Mono
}

/** Reads RIFF/WAVE. A recorder that could not know the length beforehand has written 0 or all ones: the data then goes to the end of the file. */
export async function readWav(pieces: AsyncIterable<Buffer>, maxSeconds: number): Promise<Mono> {
  const wav = new Wav(maxSeconds)
  for await (const piece of pieces) wav.push(piece)
  return wav.end()
}

class Wav {
  readonly #maxSeconds: number
  #held: Buffer = Buffer.alloc(0)
  #encoding: Encoding | null = null
  #begun = false
  /** Bytes of a chunk to pass over. */
  #skip = 0
  /** Bytes of sound still to come; null outside of it. */
  #data: number | null = null
  #frames = 0

  constructor(maxSeconds: number) {
    this.#maxSeconds = maxSeconds
  }

  push(piece: Buffer): void {
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece
    while (this.#step());
  }

  end(): Mono {
    if (!this.#encoding || (this.#data === null && this.#frames === 0))
      throw new BadRecording('damaged', 'It has no sound in it.')
    return this.#encoding.mono
  }

  /** @returns whether there may be more to do with what is held */
  #step(): boolean {
    if (this.#skip > 0) return this.#pass()
    if (this.#data !== null) return this.#sound(this.#data)
    return this.#begun ? this.#chunk() : this.#riff()
  }

  #take(bytes: number): Buffer {
    const taken = this.#held.subarray(0, bytes)
    this.#held = this.#held.subarray(bytes)
    return taken
  }

  #riff(): boolean {
    if (this.#held.length < 12) return false
    const head = this.#take(12).toString('latin1')
    if (!head.startsWith('RIFF') || !head.endsWith('WAVE')) throw new BadRecording('damaged', 'It is no WAV file.')
    this.#begun = true
    return true
  }

  #pass(): boolean {
    const passed = this.#take(Math.min(this.#skip, this.#held.length)).length
    this.#skip -= passed
    return passed > 0
  }

  #chunk(): boolean {
    if (this.#held.length < 8) return false
    const name = this.#held.toString('latin1', 0, 4)
    const size = this.#held.readUInt32LE(4)
    if (name === 'data') {
      this.#take(8)
      if (!this.#encoding) throw new BadRecording('damaged', 'Its sound comes before its format.')
      this.#data = size === 0 || size === 0xffffffff ? Number.POSITIVE_INFINITY : size
      return true
    }
    if (name !== 'fmt ') {
      this.#take(8)
      this.#skip = size + (size % 2)
      return true
    }
    if (this.#encoding || size < 16 || size > maxFormatBytes)
      throw new BadRecording('damaged', 'Its format cannot be read.')
    if (this.#held.length < 8 + size) return false
    this.#encoding = encodingOf(this.#take(8 + size).subarray(8), this.#maxSeconds)
    this.#skip = size % 2
    return true
  }

  #sound(left: number): boolean {
    const encoding = this.#encoding as Encoding
    const { channels } = encoding.mono.shape
    const frame = encoding.width * channels
    const frames = Math.floor(Math.min(left, this.#held.length) / frame)
    if (frames === 0 && (left >= frame || left === 0)) {
      if (left > 0) return false
      this.#data = null
      return true
    }
    if (frames === 0) {
      this.#skip = left + (left % 2)
      this.#data = null
      return true
    }
    this.#frames += frames
    encoding.mono.refuse(this.#frames)
    encoding.mono.write(split(this.#take(frames * frame), frames, channels, encoding))
    this.#data = left - frames * frame
    return true
  }
}

function split(bytes: Buffer, frames: number, channels: number, { read, width }: Encoding): Float32Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames)
    for (let i = 0; i < frames; i++) samples[i] = read(view, (i * channels + channel) * width)
    return samples
  })
}

function encodingOf(format: Buffer, maxSeconds: number): Encoding {
  const told = format.readUInt16LE(0)
  const kind = told === extensible && format.length >= 26 ? format.readUInt16LE(24) : told
  const [channels, rate] = [format.readUInt16LE(2), format.readUInt32LE(4)]
  const bits = format.readUInt16LE(14)
  const read = encodings[`${kind}/${bits}`]
  if (!read) throw new BadRecording('unsupported', `WAV of format ${kind} with ${bits} bits is not supported.`)
  const mono = new Mono({ rate, channels }, maxSeconds)
  const width = bits / 8
  if (format.readUInt16LE(12) !== width * channels) throw new BadRecording('damaged', 'Its format contradicts itself.')
  return { read, width, mono }
}
