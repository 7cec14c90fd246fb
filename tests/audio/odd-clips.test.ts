import { describe, expect, it } from 'vitest'
import { white } from '../../simulators/sound/noise.js'
import { detectors } from '../../src/audio/detectors.js'

const noise = white(1, 0.5)

/** What a broken file may hold when it is decoded. */
const clips: Readonly<Record<string, Float32Array>> = {
  'no sample': new Float32Array(0),
  'one sample': new Float32Array(1).fill(0.5),
  'a few samples': noise.slice(0, 100),
  'full scale': noise.map(sample => Math.sign(sample)),
  'far beyond full scale': noise.map(sample => sample * 1e6),
  'hardly anything': noise.map(sample => sample * 1e-20),
  'a single click': new Float32Array(8000).fill(1, 4000, 4001),
}

describe.each(detectors.map(detector => [detector.key, detector] as const))('%s', (_, detector) => {
  it.each(Object.entries(clips))(
    'says something finite of %s, at any rate, and leaves it as it was',
    async (_, clip) => {
      for (const rate of [8000, 16_000, 48_000]) {
        const given = Float32Array.from(clip)
        const { score, details } = await detector.detect(given, rate, detector.thresholds.parse({}))
        expect(score).toSatisfy((value: number) => value >= 0 && value <= 1)
        for (const value of Object.values(details).filter(value => typeof value === 'number'))
          expect(value).toSatisfy(Number.isFinite)
        expect(Buffer.from(given.buffer).equals(Buffer.from(clip.buffer, clip.byteOffset, clip.byteLength))).toBe(true)
      }
    },
  )
})
