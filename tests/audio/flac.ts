/** FLAC files (RFC 9639) that no encoder would make. */

interface Flat {
  readonly frames: number
  /** Of each frame. */
  readonly samples: number
  /** What the file says that there are of each channel; 0 for unknown. */
  readonly total?: number
  readonly channels?: number
}

/** Every sample the same, so that a frame of 65,535 takes a few bytes. */
export function flatFlac({ frames, samples, total = 0, channels = 1 }: Flat): Buffer {
  return Buffer.concat([
    head(total, channels),
    ...Array.from({ length: frames }, (_, i) => frame(i, samples, Array(channels).fill(Buffer.from([0, 0x10, 0])))),
  ])
}

/** Frames of these samples as they are, of one channel and 16 bits, in as many bytes as there can be. @param blocks of metadata, with their heads */
export function plainFlac(frames: readonly Int16Array[], blocks: readonly Buffer[] = []): Buffer {
  const total = frames.reduce((sum, { length }) => sum + length, 0)
  const largest = Math.max(...frames.map(({ length }) => length))
  return Buffer.concat([
    head(total, 1, largest, blocks.length === 0),
    ...blocks,
    ...frames.map((samples, i) => frame(i, samples.length, [plain(samples)])),
  ])
}

function plain(samples: Int16Array): Buffer {
  const bytes = Buffer.alloc(1 + 2 * samples.length, 2)
  for (const [i, sample] of samples.entries()) bytes.writeInt16BE(sample, 1 + 2 * i)
  return bytes
}

/** A block that is passed over. */
export function block(isLast: boolean, bytes: Buffer): Buffer {
  const header = Buffer.from([isLast ? 0x86 : 6, 0, 0, 0])
  header.writeUIntBE(bytes.length, 1, 3)
  return Buffer.concat([header, bytes])
}

/** The headers of so many frames, with nothing between them, and no checksum of a frame anywhere that is right. */
export function falseFrames(count: number): Buffer {
  const headers = Array.from({ length: 128 }, (_, i) => headerOf(i, 4096, 1))
  let sum = 0
  return Buffer.concat(
    Array.from({ length: count }, () => {
      const next = headers.find(header => crc(header, 16, 0x8005, sum) !== 0) ?? Buffer.alloc(0)
      sum = crc(next, 16, 0x8005, sum)
      return next
    }),
  )
}

/** The first 42 bytes. @param total samples, 0 for unknown @param largest how many samples a frame has at most */
export function head(total: number, channels: number, largest = 65_535, isLast = true): Buffer {
  const info = Buffer.alloc(42)
  info.write('fLaC', 0)
  info.writeUInt8(isLast ? 0x80 : 0, 4)
  info.writeUIntBE(34, 5, 3)
  info.writeUInt16BE(16, 8)
  info.writeUInt16BE(largest, 10)
  info.writeBigUInt64BE((16_000n << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | BigInt(total), 18)
  return info
}

/** The codes of sizes that need no bytes of their own (section 9.1.1). */
const sizes = [192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768]

/** Of a frame of 16 kHz and 16 bits. */
export function headerOf(number: number, samples: number, channels: number): Buffer {
  const code = sizes.indexOf(samples) + 1 || (samples <= 256 ? 6 : 7)
  const size = Buffer.from([(samples - 1) >> 8, (samples - 1) & 0xff]).subarray(code === 7 ? 0 : code === 6 ? 1 : 2)
  const begin = Buffer.from([0xff, 0xf8, (code << 4) | 5, ((channels - 1) << 4) | 8])
  const header = Buffer.concat([begin, Buffer.from(String.fromCodePoint(number)), size])
  return Buffer.concat([header, Buffer.from([crc(header, 8, 0x07)])])
}

/** @param subframes one for each channel */
function frame(number: number, samples: number, subframes: readonly Buffer[]): Buffer {
  const body = Buffer.concat([headerOf(number, samples, subframes.length), ...subframes])
  const end = Buffer.alloc(2)
  end.writeUInt16BE(crc(body, 16, 0x8005))
  return Buffer.concat([body, end])
}

function crc(bytes: Buffer, bits: number, polynomial: number, begin = 0): number {
  const top = 1 << (bits - 1)
  const mask = 2 ** bits - 1
  return bytes.reduce((sum, byte) => {
    let value = sum ^ (byte << (bits - 8))
    for (let bit = 0; bit < 8; bit++) value = ((value & top ? (value << 1) ^ polynomial : value << 1) & mask) >>> 0
    return value
  }, begin)
}
