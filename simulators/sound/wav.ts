import { rate, type Sound } from './sound.js'

/** One channel of 16 bits as WAV (Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991). */
export function wavOf(sound: Sound): Buffer {
  const file = Buffer.alloc(44 + 2 * sound.length)
  file.write('RIFF', 0)
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8)
  for (const [at, value] of [16, 1 | (1 << 16), rate, 2 * rate, 2 | (16 << 16)].entries())
    file.writeUInt32LE(value, 16 + 4 * at)
  file.write('data', 36)
  file.writeUInt32LE(2 * sound.length, 40)
  for (const [index, sample] of sound.entries())
    file.writeInt16LE(Math.round(32_767 * Math.min(1, Math.max(-1, sample))), 44 + 2 * index)
  return file
}
