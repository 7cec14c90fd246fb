import { BadRecording } from './faults.js'
import { type Mono, rate } from './mono.js'

interface Format {
  readonly format: string
  /** What the file begins with. */
  readonly magic: string
  readonly types: readonly string[]
  /** Loaded when a recording is decoded, which the hub itself does not. */
  load(): Promise<(pieces: AsyncIterable<Buffer>, maxSeconds: number) => Promise<Mono>>
}

const formats: readonly Format[] = [
  {
    format: 'wav',
    magic: 'RIFF',
    types: ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
    load: async () => (await import('./wav.js')).readWav,
  },
  {
    format: 'flac',
    magic: 'fLaC',
    types: ['audio/flac', 'audio/x-flac'],
    load: async () => (await import('./flac.js')).readFlac,
  },
  {
    format: 'opus',
    magic: 'OggS',
    types: ['audio/ogg', 'audio/opus', 'application/ogg'],
    load: async () => (await import('./opus.js')).readOpus,
  },
]

/** What may be uploaded. */
export const contentTypes = formats.flatMap(({ types }) => types)
/** How many of its first bytes tell what a file is. */
export const magicBytes = 4

/** Whether a file that begins so can be of this type. */
export const isOfType = (head: Buffer, content_type: string) =>
  formats.some(({ magic, types }) => types.includes(content_type) && head.toString('latin1').startsWith(magic))

export interface Sound {
  readonly format: string
  /** As it was recorded. */
  readonly rate: number
  readonly channels: number
  readonly seconds: number
  /** One channel of 16 kHz, from -1 to 1. */
  readonly samples: Float32Array
}

/**
 * Decodes a recording while it is read, and no more of it than may be.
 * @throws BadRecording when it is no recording, damaged, or too long
 */
export async function decode(pieces: AsyncIterable<Buffer>, content_type: string, maxSeconds: number): Promise<Sound> {
  const known = formats.find(({ types }) => types.includes(content_type))
  if (!known) throw new BadRecording('unsupported', `${content_type} is not supported.`)
  const read = await known.load()
  const mono = await read(pieces, maxSeconds)
  const samples = mono.end()
  if (samples.length === 0) throw new BadRecording('empty', 'It has no sound in it.')
  return { format: known.format, ...mono.shape, seconds: samples.length / rate, samples }
}
