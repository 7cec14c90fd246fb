import { expect, it } from 'vitest'
import { white } from '../../simulators/sound/noise.js'
import { add, lasting, rate, scaled, shaped } from '../../simulators/sound/sound.js'
import { aWeighting, loudness, measureLoudness } from '../../src/audio/detectors/loudness.js'
import { decibels } from '../../src/audio/spectra.js'

const sine = (hz: number, seconds: number, gain = 1) => shaped(seconds, t => gain * Math.sin(2 * Math.PI * hz * t))

/** Nominal frequency, A-weighting and the limits of class 1, dB (IEC 61672-1:2013, table 3). */
const tableThree = [
  [63, -26.2, 1, -1],
  [125, -16.1, 1, -1],
  [250, -8.6, 1, -1],
  [500, -3.2, 1, -1],
  [1000, 0, 0.7, -0.7],
  [2000, 1.2, 1, -1],
  [4000, 1, 1, -1],
  [6300, -0.1, 1.5, -2],
] as const

it.each(tableThree)('weighs %i Hz by %f dB within the limits of class 1', (hz, weight, above, below) => {
  expect(Math.abs(decibels(aWeighting(hz)) - weight)).toBeLessThan(0.15)
  const { laeq_db } = measureLoudness(sine(hz, 4), rate)
  expect(laeq_db - weight).toBeLessThan(above)
  expect(laeq_db - weight).toBeGreaterThan(below)
})

/** LAFmax of a toneburst of 4 kHz less the level of the tone going on, and the limits of class 1 (IEC 61672-1:2013, table 4). */
const tableFour = [
  [1, 0, 0.5, -0.5],
  [0.5, -0.1, 0.5, -0.5],
  [0.2, -1, 0.5, -0.5],
  [0.1, -2.6, 1, -1],
  [0.05, -4.8, 1, -1],
] as const

it.each(tableFour)('follows a toneburst of %f s with time weighting F', (seconds, response, above, below) => {
  const burst = add(lasting(4), sine(4000, seconds), 1)
  const difference = measureLoudness(burst, rate).lafmax_db - measureLoudness(sine(4000, 4), rate).lafmax_db
  expect(difference - response).toBeLessThan(above)
  expect(difference - response).toBeGreaterThan(below)
})

it('measures the level over all of a clip, however it is spread, and the largest sample', () => {
  const half = measureLoudness(add(lasting(8), sine(1000, 4, 0.5), 2), rate)
  expect(half.laeq_db).toBeCloseTo(20 * Math.log10(0.5) - 3.01, 1)
  expect(half.peak_db).toBeCloseTo(20 * Math.log10(0.5) + 3.01, 1)
  expect(measureLoudness(lasting(0), rate).laeq_db).toBeLessThan(-100)
})

it('finds a clip loud by what a calibrator of 94 dB shows on the microphone', async () => {
  const calibrator = sine(1000, 2, 10 ** (-26 / 20))
  const limits = loudness.thresholds.parse({ laeq_db: 93.5 })
  expect(await loudness.detect(calibrator, rate, limits)).toMatchObject({ detected: true, details: { laeq_db: 94 } })
  expect(await loudness.detect(scaled(calibrator, 0.9), rate, limits)).toMatchObject({ detected: false })
  const noise = scaled(white(1, 2), 0.5)
  expect((await loudness.detect(noise, rate, loudness.thresholds.parse({}))).detected).toBe(true)
})
