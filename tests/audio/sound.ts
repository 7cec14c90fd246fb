/** Sound made for tests. */

interface Shape {
  readonly rate?: number
  readonly channels?: number
  readonly seconds?: number
  readonly hz?: number
  readonly amplitude?: number
}

/** A sine, as samples from -1 to 1. */
export function sine({ rate = 16_000, seconds = 1, hz = 440, amplitude = 0.5 }: Shape = {}): Float32Array {
  return Float32Array.from(
    { length: Math.round(rate * seconds) },
    (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / rate),
  )
}

type Write = (buffer: Buffer, value: number, at: number) => void

const encodings: Readonly<Record<string, readonly [format: number, bits: number, write: Write]>> = {
  u8: [1, 8, (buffer, value, at) => buffer.writeUInt8(Math.round(value * 127) + 128, at)],
  s16: [1, 16, (buffer, value, at) => buffer.writeInt16LE(Math.round(value * 32_767), at)],
  s24: [1, 24, (buffer, value, at) => buffer.writeIntLE(Math.round(value * 8_388_607), at, 3)],
  s32: [1, 32, (buffer, value, at) => buffer.writeInt32LE(Math.round(value * 2_147_483_647), at)],
  f32: [3, 32, (buffer, value, at) => buffer.writeFloatLE(value, at)],
  f64: [3, 64, (buffer, value, at) => buffer.writeDoubleLE(value, at)],
}

/** A WAV file of a sine, the same in all channels. */
export function wav(shape: Shape & { readonly encoding?: string } = {}): Buffer {
  const { rate = 16_000, channels = 1, encoding = 's16' } = shape
  const [format, bits, write] = encodings[encoding] ?? []
  if (format === undefined || bits === undefined || !write) throw new Error(`no encoding ${encoding}`)
  const samples = sine(shape)
  const width = bits / 8
  const data = Buffer.alloc(samples.length * channels * width)
  for (const [i, sample] of samples.entries())
    for (let channel = 0; channel < channels; channel++) write(data, sample, (i * channels + channel) * width)
  return Buffer.concat([riff({ format, bits, rate, channels, data: data.length }), data])
}

interface Head {
  readonly format?: number
  readonly bits?: number
  readonly rate?: number
  readonly channels?: number
  readonly data: number
}

/** The 44 bytes before the sound. */
export function riff({ format = 1, bits = 16, rate = 16_000, channels = 1, data }: Head): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(Math.min(36 + data, 0xffffffff), 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(format, 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * channels * (bits / 8), 28)
  head.writeUInt16LE(channels * (bits / 8), 32)
  head.writeUInt16LE(bits, 34)
  head.write('data', 36)
  head.writeUInt32LE(data, 40)
  return head
}
