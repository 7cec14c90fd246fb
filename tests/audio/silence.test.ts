import { expect, it } from 'vitest'
import { pink, white } from '../../simulators/sound/noise.js'
import { add, lasting, rate, type Sound, scaled } from '../../simulators/sound/sound.js'
import { silence } from '../../src/audio/detectors/silence.js'

const limits = silence.thresholds.parse({})
const hear = (sound: Sound) => silence.detect(sound, rate, limits)

/** Noise of this level, dB re a sine of full scale. */
function noiseOf(dbfs: number, seconds: number): Sound {
  const noise = white(7, seconds)
  const power = noise.reduce((sum, sample) => sum + sample ** 2, 0) / noise.length
  return scaled(noise, Math.sqrt(10 ** (dbfs / 10) / 2 / power))
}

it('hears a microphone that is cut off, stuck at a value, or left with its own noise', async () => {
  expect(await hear(lasting(5))).toMatchObject({ detected: true, details: { stuck: true, quiet_seconds: 5 } })
  expect(await hear(lasting(5).fill(0.3))).toMatchObject({ detected: true, details: { stuck: true } })
  expect(await hear(noiseOf(-88, 5))).toMatchObject({ detected: true, details: { stuck: false } })
})

it('leaves a still room alone, and pauses between words', async () => {
  expect((await hear(noiseOf(-82, 20))).detected).toBe(false)
  expect((await hear(scaled(pink(3, 20), 0.001))).detected).toBe(false)
  const paused = add(add(lasting(8), noiseOf(-40, 2.6)), noiseOf(-40, 2.6), 5.4)
  expect(await hear(paused)).toMatchObject({ detected: false, details: { quiet_seconds: 2.8 } })
})

it('says when it went quiet', async () => {
  expect(await hear(add(lasting(10), noiseOf(-30, 4)))).toMatchObject({ detected: true, details: { starts_at: 4 } })
})
