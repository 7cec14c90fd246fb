import { FLACDecoder } from '@wasm-audio-decoders/flac'
import { BadRecording } from './faults.js'
import { partsOf } from './flac-parts.js'
import { Mono } from './mono.js'

/** Reads FLAC. @throws BadRecording */
export async function readFlac(pieces: AsyncIterable<Buffer>, maxSeconds: number): Promise<Mono> {
  const decoder = new FLACDecoder()
  await decoder.ready
  try {
    let flac: Flac | null = null
    for await (const part of partsOf(pieces)) {
      // A frame of 65,535 samples takes 14 bytes when they are all the same: no more than one is decoded at a time.
      if (flac) await flac.push(part)
      else flac = new Flac(decoder, part, maxSeconds)
    }
    if (!flac) throw new BadRecording('damaged', 'It is no FLAC file.')
    return flac.end()
  } finally {
    decoder.free()
  }
}

type Decoded = Awaited<ReturnType<FLACDecoder['decodeFrames']>>

class Flac {
  readonly #decoder: FLACDecoder
  readonly #mono: Mono
  /** How many samples of each channel there are to be; 0 where the file does not say. */
  readonly #total: number
  /** What does not belong there and comes after the last frame, as tags do, takes that with it. */
  readonly #lost: number
  #samples = 0

  constructor(decoder: FLACDecoder, head: Buffer, maxSeconds: number) {
    const isFlac = head.toString('latin1', 0, 4) === 'fLaC' && (head.readUInt8(4) & 0x7f) === 0
    if (!isFlac) throw new BadRecording('damaged', 'It is no FLAC file.')
    this.#decoder = decoder
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
    const packed = head.readBigUInt64BE(18)
    const [rate, channels] = [Number(packed >> 44n), Number((packed >> 41n) & 7n) + 1]
    this.#total = Number(packed & 0xfffffffffn)
    this.#lost = head.readUInt16BE(10)
    this.#mono = new Mono({ rate, channels }, maxSeconds)
    this.#mono.refuse(this.#total)
  }

  async push(frame: Buffer): Promise<void> {
    this.#keep(await this.#decoded(frame))
  }

  end(): Mono {
    if (this.#samples === 0) throw new BadRecording('damaged', 'It has no sound in it.')
    if (this.#samples < this.#total - this.#lost)
      throw new BadRecording('damaged', 'Some of its sound is missing or damaged.')
    return this.#mono
  }

  async #decoded(frame: Buffer): Promise<Decoded> {
    try {
      return await this.#decoder.decodeFrames([frame])
    } catch (cause) {
      throw new BadRecording('damaged', 'Its sound is damaged.', cause)
    }
  }

  #keep({ channelData, samplesDecoded, sampleRate, errors }: Decoded): void {
    if (errors.length > 0) throw new BadRecording('damaged', 'Its sound is damaged.')
    if (samplesDecoded === 0) return
    const { rate, channels } = this.#mono.shape
    if (sampleRate !== rate || channelData.length !== channels)
      throw new BadRecording('damaged', 'Its sound is not of the format that it says.')
    this.#samples += samplesDecoded
    this.#mono.refuse(this.#samples)
    this.#mono.write(channelData)
  }
}
