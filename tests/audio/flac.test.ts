import { describe, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { BadRecording } from '../../src/audio/faults.js'
import { readFlac } from '../../src/audio/flac.js'
import { block, falseFrames, flatFlac, head, headerOf, plainFlac } from './flac.js'

/** As much as a recording may have, unless it is set. */
const fileBytes = 20 * 2 ** 20
const pieceBytes = 65_536

/** Reads a file of up to five minutes. @returns its sound or why it is refused, and how much of it had been read by then */
async function read(file: Buffer, piece = pieceBytes) {
  let fed = 0
  async function* pieces() {
    for (let at = 0; at < file.length; at += piece) {
      fed = Math.min(at + piece, file.length)
      yield file.subarray(at, fed)
    }
  }
  try {
    return { samples: (await readFlac(pieces(), 300)).end(), fed }
  } catch (error) {
    if (!(error instanceof BadRecording)) throw error
    return { code: error.code, fed }
  }
}

const random = createRandom(1)
const noise = (length: number) => Int16Array.from({ length }, () => random.between(-32_768, 32_767))
/** Whether exactly these samples were heard. */
function isOf(samples: Float32Array | undefined, frames: readonly Int16Array[]): boolean {
  const wanted = frames.flatMap(frame => [...frame])
  return (
    samples?.length === wanted.length && wanted.every((one, i) => Math.abs((samples[i] ?? 9) - one / 32_768) < 1e-4)
  )
}

test('frames of every size are heard to the last sample, in pieces of any size', async () => {
  const sizes = [192, 576, 1152, 2304, 4608, 16, 17, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_535]
  for (const size of sizes) {
    const frames = [noise(size), noise(size), noise(Math.ceil(size / 3))]
    const file = plainFlac(frames)
    for (const piece of [file.length, 4096, 101]) expect(isOf((await read(file, piece)).samples, frames)).toBe(true)
  }
})

test('what looks like the beginning of a frame within one, or before all of them, is none', async () => {
  const inside = headerOf(1, 4096, 1)
  const bytes = Buffer.alloc(8192, Buffer.concat([inside, Buffer.from([0xff, 0xf8])]))
  const frames = [Int16Array.from({ length: 4096 }, (_, i) => bytes.readInt16BE(2 * i)), noise(4096)]
  const picture = Buffer.alloc(1 << 20, inside)
  const { samples } = await read(plainFlac(frames, [block(false, picture), block(true, bytes)]))
  expect(isOf(samples, frames)).toBe(true)
})

test('what is no sound may fill a file, in one block or in millions', async () => {
  const frames = [noise(4096)]
  const large = block(false, Buffer.alloc(2 ** 24 - 1))
  const small = Buffer.alloc(fileBytes, block(false, Buffer.alloc(0)))
  const file = plainFlac(frames, [large, small.subarray(0, 4_190_000), block(true, Buffer.alloc(0))])
  const { samples, fed } = await read(file)
  expect(fed).toBe(file.length)
  expect(isOf(samples, frames)).toBe(true)
})

describe('a file without the end of a frame is refused before more of it has been read than one may have:', () => {
  const mebibyte = 1 << 20
  const header = headerOf(0, 4096, 1)
  const spoiled = Buffer.from(header.map((byte, i) => (i === header.length - 1 ? byte ^ 1 : byte)))
  test.each<[string, Buffer]>([
    ['headers, one after the other', falseFrames(mebibyte / 6)],
    ['headers with checksums that are wrong', Buffer.alloc(mebibyte, spoiled)],
    [
      'headers of frames of different sizes',
      Buffer.alloc(mebibyte, Buffer.concat([192, 7, 65_535].map(size => headerOf(2, size, 1)))),
    ],
    ['what headers begin with', Buffer.alloc(mebibyte, Buffer.from([0xff, 0xf8]))],
    ['zeros', Buffer.alloc(mebibyte)],
    ['ones', Buffer.alloc(mebibyte, 0xff)],
  ])('%s', async (_, filling) => {
    for (const begin of [head(0, 1), flatFlac({ frames: 3, samples: 16_000 })]) {
      const rest = Array.from({ length: fileBytes / mebibyte - 1 }, () => filling)
      const { code, fed } = await read(Buffer.concat([begin, ...rest]))
      expect(code).toBe('damaged')
      expect(fed).toBeLessThanOrEqual(8 * 65_535 + 2 * pieceBytes)
    }
  })
})

test('a file that says less than is in it about its sound, or that has a tag at its end, is heard', async () => {
  const frames = [noise(4096), noise(4096), noise(4096)]
  const whole = plainFlac(frames)
  const unsaid = Buffer.from(whole)
  unsaid.writeUInt8(0, 4)
  expect(isOf((await read(unsaid)).samples, frames)).toBe(true)
  const tagged = Buffer.concat([whole, Buffer.from('TAG'), Buffer.alloc(125)])
  expect(isOf((await read(tagged)).samples, frames.slice(0, 2))).toBe(true)
  expect(await read(whole.subarray(0, 9000))).toMatchObject({ code: 'damaged' })
})
