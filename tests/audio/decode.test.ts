import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { decode, type Sound } from '../../src/audio/decode.js'
import { BadRecording } from '../../src/audio/faults.js'
import { flatFlac } from './flac.js'
import { riff, sine, wav } from './sound.js'

const seed = Number(process.env.HEARTH_TEST_SEED ?? Date.now() % 1_000_000)
const fixture = (name: string) => readFile(join(import.meta.dirname, '../../../tests/audio', name))
const maxSeconds = 10

/** Decodes a file that comes in pieces of this size. */
async function heard(file: Buffer, content_type = 'audio/wav', piece = 4096): Promise<Sound> {
  const pieces = Array.from({ length: Math.ceil(file.length / piece) }, (_, i) =>
    file.subarray(i * piece, (i + 1) * piece),
  )
  return decode(Readable.from(pieces), content_type, maxSeconds)
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    error => (error instanceof BadRecording ? error.code : Promise.reject(error)),
  )

/** The amplitude of a tone in 16 kHz. */
function amplitude(samples: Float32Array, hz: number): number {
  let [re, im] = [0, 0]
  for (const [i, sample] of samples.entries()) {
    re += sample * Math.cos((2 * Math.PI * hz * i) / 16_000)
    im += sample * Math.sin((2 * Math.PI * hz * i) / 16_000)
  }
  return (2 * Math.hypot(re, im)) / samples.length
}

describe('WAV', () => {
  const encodings = ['u8', 's16', 's24', 's32', 'f32', 'f64']
  test.each(encodings.flatMap(encoding => [1, 2, 8].map(channels => ({ encoding, channels }))))(
    'of $encoding with $channels channels is one channel, the same to one part in a hundred',
    async ({ encoding, channels }) => {
      const { samples, ...shape } = await heard(wav({ encoding, channels, hz: 1000 }))
      expect(shape).toEqual({ format: 'wav', rate: 16_000, channels, seconds: 1 })
      const wanted = sine({ hz: 1000 })
      expect(samples.every((sample, i) => Math.abs(sample - (wanted[i] ?? 9)) < 0.01)).toBe(true)
    },
  )

  test.each([4000, 8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])(
    'of %i samples a second keeps its tones, and what 16 kHz cannot carry is gone',
    async rate => {
      const low = await heard(wav({ rate, hz: 1000 }))
      expect(low.seconds).toBeCloseTo(1, 2)
      expect(amplitude(low.samples, 1000)).toBeCloseTo(0.5, 2)
      if (rate < 24_000) return
      const high = await heard(wav({ rate, hz: 9000 }))
      expect(Math.max(...high.samples.slice(1000, -1000))).toBeLessThan(0.002)
    },
  )

  test('is the same in pieces of any size', async () => {
    const file = wav({ rate: 44_100, channels: 2, seconds: 0.2, encoding: 's24' })
    const whole = await heard(file, 'audio/wav', file.length)
    for (const piece of [1, 7, 1000]) expect((await heard(file, 'audio/wav', piece)).samples).toEqual(whole.samples)
  })

  test('may have other chunks before its sound, an extensible format, and a length that nobody knew', async () => {
    const file = wav()
    const list = Buffer.concat([Buffer.from('LIST\x05\0\0\0'), Buffer.from('hello\0')])
    const listed = Buffer.concat([file.subarray(0, 12), list, file.subarray(12)])
    expect((await heard(listed)).seconds).toBe(1)
    const streamed = Buffer.concat([riff({ data: 0xffffffff }), file.subarray(44)])
    expect((await heard(streamed)).seconds).toBe(1)
    const format = Buffer.concat([
      file.subarray(16, 36),
      Buffer.from([22, 0, 16, 0, 0, 0, 0, 0, 1, 0]),
      Buffer.alloc(14),
    ])
    format.writeUInt32LE(40, 0)
    format.writeUInt16LE(0xfffe, 4)
    const extensible = Buffer.concat([file.subarray(0, 16), format, file.subarray(36)])
    expect((await heard(extensible)).seconds).toBe(1)
  })

  test('with samples that are no numbers, or far too large, stays within -1 and 1', async () => {
    const data = Buffer.alloc(16)
    for (const [i, value] of [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 0.5].entries())
      data.writeFloatLE(value, i * 4)
    const file = Buffer.concat([riff({ format: 3, bits: 32, data: 16 }), data])
    expect([...(await heard(file)).samples]).toEqual([0, 1, -1, 0.5])
  })
})

test('FLAC and Ogg with Opus, as their own encoders write them, keep their tone', async () => {
  const flac = await heard(await fixture('sine.flac'), 'audio/flac')
  expect(flac).toMatchObject({ format: 'flac', rate: 22_050, channels: 2, seconds: expect.closeTo(0.5, 2) })
  expect(amplitude(flac.samples, 1000)).toBeCloseTo(0.5, 2)
  const opus = await heard(await fixture('sine.opus'), 'audio/ogg', 100)
  expect(opus).toMatchObject({ format: 'opus', channels: 2, seconds: expect.closeTo(0.5, 1) })
  expect(amplitude(opus.samples.subarray(1000, 7000), 1000)).toBeCloseTo(0.5, 1)
})

describe('a bad file fails with a reason:', () => {
  const sound = wav()
  const changed = (at: number, ...bytes: number[]) =>
    Buffer.concat([sound.subarray(0, at), Buffer.from(bytes), sound.subarray(at + bytes.length)])
  test.each<[string, string, string, () => Buffer | Promise<Buffer>]>([
    ['nothing', 'audio/wav', 'damaged', () => Buffer.alloc(0)],
    ['text', 'audio/wav', 'damaged', () => Buffer.from('hello, this is no sound at all')],
    ['zeros', 'audio/wav', 'damaged', () => Buffer.alloc(5000)],
    ['a head alone', 'audio/wav', 'damaged', () => sound.subarray(0, 40)],
    ['no samples', 'audio/wav', 'empty', () => Buffer.concat([riff({ data: 0 })])],
    ['an unknown format', 'audio/wav', 'unsupported', () => changed(20, 0x55, 0)],
    ['no channels', 'audio/wav', 'unsupported', () => changed(22, 0, 0)],
    ['65535 channels', 'audio/wav', 'unsupported', () => changed(22, 0xff, 0xff)],
    ['a rate of 0', 'audio/wav', 'unsupported', () => changed(24, 0, 0, 0, 0)],
    ['a rate of four billion', 'audio/wav', 'unsupported', () => changed(24, 0xff, 0xff, 0xff, 0xff)],
    ['a format that contradicts itself', 'audio/wav', 'damaged', () => changed(32, 9, 0)],
    ['a format of four gigabytes', 'audio/wav', 'damaged', () => changed(16, 0xff, 0xff, 0xff, 0xff)],
    ['two formats', 'audio/wav', 'damaged', () => Buffer.concat([sound.subarray(0, 36), sound.subarray(12)])],
    ['too long', 'audio/wav', 'too_long', () => wav({ seconds: maxSeconds + 1 })],
    ['another kind than it says', 'audio/flac', 'damaged', () => sound],
    ['a type that nobody knows', 'audio/mpeg', 'unsupported', () => sound],
    [
      'a FLAC that says it lasts an hour',
      'audio/flac',
      'too_long',
      () => flatFlac({ frames: 1, samples: 1000, total: 3600 * 16_000 }),
    ],
    [
      'a FLAC of 7 kB that lasts half an hour',
      'audio/flac',
      'too_long',
      () => flatFlac({ frames: 440, samples: 65_535 }),
    ],
    [
      'the same with eight channels',
      'audio/flac',
      'too_long',
      () => flatFlac({ frames: 440, samples: 65_535, channels: 8 }),
    ],
    ['a FLAC that ends early', 'audio/flac', 'damaged', () => flatFlac({ frames: 5, samples: 1000, total: 150_000 })],
    [
      'an Opus with a byte that is another',
      'audio/ogg',
      'damaged',
      async () => spoiled(await fixture('sine.opus'), 900),
    ],
    ['Ogg without Opus', 'audio/ogg', 'unsupported', async () => relabelled(await fixture('sine.opus'))],
  ])('%s', async (_, content_type, code, make) => {
    expect(await codeOf(heard(await make(), content_type))).toBe(code)
  })
})

test('what is flat and short is no bomb', async () => {
  const { samples, seconds } = await heard(flatFlac({ frames: 3, samples: 16_000, total: 48_000 }), 'audio/flac')
  expect(seconds).toBe(3)
  expect(samples[20_000]).toBeCloseTo(0.125)
})

function spoiled(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file)
  copy.writeUInt8(copy.readUInt8(at) ^ 0x55, at)
  return copy
}

/** Another codec's name, in a page whose checksum is right. */
function relabelled(file: Buffer): Buffer {
  const copy = Buffer.from(file)
  const at = copy.indexOf('OpusHead')
  copy.write('OtherOne', at)
  copy.writeUInt32LE(0, 22)
  const page = copy.subarray(0, at + 19)
  let crc = 0
  for (const byte of page) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  copy.writeUInt32LE(crc >>> 0, 22)
  return copy
}

test(`files with random bytes in them are heard or fail with a reason (seed ${seed})`, async () => {
  const random = createRandom(seed)
  const files = [
    ['audio/wav', wav({ seconds: 0.3, channels: 2 })],
    ['audio/flac', await fixture('sine.flac')],
    ['audio/ogg', await fixture('sine.opus')],
  ] as const
  for (let i = 0; i < 300; i++) {
    const [content_type, whole] = files[i % files.length] ?? files[0]
    const file = Buffer.from(whole.subarray(0, random.chance(0.3) ? random.between(0, whole.length) : whole.length))
    for (let n = random.between(0, 20); n > 0 && file.length > 0; n--)
      file.writeUInt8(random.between(0, 255), Math.floor(random.next() * file.length * random.next()))
    expect(['none', 'damaged', 'unsupported', 'too_long', 'empty']).toContain(await codeOf(heard(file, content_type)))
  }
})
