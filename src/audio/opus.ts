import { OpusDecoder } from 'opus-decoder'
import { BadRecording } from './faults.js'
import { Mono, rate } from './mono.js'
import { packetsOf } from './ogg.js'

/** Reads Ogg with Opus, which is decoded at the rate that is wanted. @throws BadRecording */
export async function readOpus(pieces: AsyncIterable<Buffer>, maxSeconds: number): Promise<Mono> {
  let opus: Opus | null = null
  let packets = 0
  try {
    for await (const packet of packetsOf(pieces)) {
      if (packets++ === 0) opus = await openOpus(packet, maxSeconds)
      // The second packet is of words (RFC 7845, section 5.2).
      else if (packets > 2) opus?.push(packet)
    }
    if (!opus) throw new BadRecording('damaged', 'It is no Ogg file.')
    return opus.end()
  } finally {
    opus?.free()
  }
}

/** @param head the packet that says how the others are to be read (RFC 7845, section 5.1) */
async function openOpus(head: Buffer, maxSeconds: number): Promise<Opus> {
  if (head.toString('latin1', 0, 8) !== 'OpusHead')
    throw new BadRecording('unsupported', 'Of what Ogg files can hold only Opus is supported.')
  if (head.length < 19) throw new BadRecording('damaged', 'Its head cannot be read.')
  const [channels, family] = [head.readUInt8(9), head.readUInt8(18)]
  const mono = new Mono({ rate, channels }, maxSeconds)
  const isPlain = family === 0 && channels <= 2
  const isMapped = family === 1 && head.length >= 21 + channels
  if (!isPlain && !isMapped) throw new BadRecording('unsupported', `Channel mapping ${family} is not supported.`)
  const mapping = isPlain
    ? {}
    : {
        streamCount: head.readUInt8(19),
        coupledStreamCount: head.readUInt8(20),
        channelMappingTable: [...head.subarray(21, 21 + channels)],
      }
  const preSkip = Math.round(head.readUInt16LE(10) / (48_000 / rate))
  const decoder = new OpusDecoder({ sampleRate: rate, channels, preSkip, ...mapping })
  await decoder.ready
  return new Opus(decoder, mono, 10 ** (head.readInt16LE(16) / (20 * 256)))
}

class Opus {
  readonly #decoder: OpusDecoder<typeof rate>
  readonly #mono: Mono
  readonly #gain: number
  #samples = 0

  constructor(decoder: OpusDecoder<typeof rate>, mono: Mono, gain: number) {
    this.#decoder = decoder
    this.#mono = mono
    this.#gain = gain
  }

  push(packet: Buffer): void {
    const { channelData, samplesDecoded } = this.#decode(packet)
    this.#samples += samplesDecoded
    this.#mono.refuse(this.#samples)
    if (this.#gain !== 1)
      for (const channel of channelData) for (const [i, one] of channel.entries()) channel[i] = one * this.#gain
    this.#mono.write(channelData)
  }

  #decode(packet: Buffer) {
    try {
      const decoded = this.#decoder.decodeFrame(packet)
      if (decoded.errors.length === 0) return decoded
    } catch (cause) {
      // A packet larger than any that there can be does not fit into the decoder's memory.
      throw new BadRecording('damaged', 'Its sound is damaged.', cause)
    }
    throw new BadRecording('damaged', 'Its sound is damaged.')
  }

  end(): Mono {
    if (this.#samples === 0) throw new BadRecording('damaged', 'It has no sound in it.')
    return this.#mono
  }

  free(): void {
    this.#decoder.free()
  }
}
