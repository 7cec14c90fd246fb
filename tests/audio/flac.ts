/** FLAC files that no encoder would make (RFC 9639): every sample the same, so that a frame of 65,535 takes a few bytes. */

interface Flat {
  readonly frames: number
  /** Of each frame. */
  readonly samples: number
  /** What the file says that there are of each channel; 0 for unknown. */
  readonly total?: number
  readonly channels?: number
}

export function flatFlac({ frames, samples, total = 0, channels = 1 }: Flat): Buffer {
  return Buffer.concat([
    head(total, channels),
    ...Array.from({ length: frames }, (_, i) => frame(i, samples, channels)),
  ])
}

function head(total: number, channels: number): Buffer {
  const info = Buffer.alloc(42)
  info.write('fLaC', 0)
  info.writeUInt8(0x80, 4)
  info.writeUIntBE(34, 5, 3)
  info.writeUInt16BE(16, 8)
  info.writeUInt16BE(65_535, 10)
  info.writeBigUInt64BE((16_000n << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | BigInt(total), 18)
  return info
}

/** A frame of 16 kHz and 16 bits, each channel constant. */
function frame(number: number, samples: number, channels: number): Buffer {
  const begin = Buffer.from([
    0xff,
    0xf8,
    0x75,
    ((channels - 1) << 4) | 0x8,
    ...Buffer.from(String.fromCodePoint(number)),
  ])
  const size = Buffer.from([(samples - 1) >> 8, (samples - 1) & 0xff])
  const header = Buffer.concat([begin, size])
  const subframes = Array.from({ length: channels }, () => Buffer.from([0, 0x10, 0]))
  const body = Buffer.concat([header, Buffer.from([crc(header, 8, 0x07)]), ...subframes])
  const end = Buffer.alloc(2)
  end.writeUInt16BE(crc(body, 16, 0x8005))
  return Buffer.concat([body, end])
}

function crc(bytes: Buffer, bits: number, polynomial: number): number {
  const top = 1 << (bits - 1)
  const mask = 2 ** bits - 1
  return bytes.reduce((sum, byte) => {
    let value = sum ^ (byte << (bits - 8))
    for (let bit = 0; bit < 8; bit++) value = ((value & top ? (value << 1) ^ polynomial : value << 1) & mask) >>> 0
    return value
  }, 0)
}
