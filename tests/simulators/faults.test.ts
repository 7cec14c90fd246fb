import { describe, expect, it } from 'vitest'
import { drawMischief, faultNames, faults, parseFaults } from '../../simulators/faults.js'
import { Histogram } from '../../simulators/histogram.js'
import { createRandom, smoothNoise, uniformAt } from '../../simulators/random.js'

describe('faults', () => {
  it('are read from a list, with a probability or the usual one', () => {
    expect(parseFaults('drop:0.2, malformed ,wrong-clock:1')).toEqual({
      drop: 0.2,
      malformed: faults.malformed.probability,
      wrong_clock: 1,
    })
    expect(parseFaults('')).toEqual({})
    expect(Object.keys(parseFaults(faultNames.join(',')))).toEqual(faultNames)
  })

  it('are refused all together when some cannot be read', () => {
    const refusal = expect.objectContaining({
      code: 'invalid_request',
      details: [
        expect.stringContaining('explode'),
        expect.stringContaining('drop:2'),
        expect.stringContaining('delay:'),
      ],
    })
    expect(() => parseFaults('explode,drop:2,duplicate,delay:')).toThrow(refusal)
  })

  it('strike as often as they are asked to, and each in its own way', () => {
    const random = createRandom(5)
    const always = { drop: 1, duplicate: 1, delay: 1, wrong_clock: 1, malformed: 1 }
    expect(Object.keys(drawMischief(always, random)).sort()).toEqual(
      ['clock_error_ms', 'delay_ms', 'drop', 'duplicate', 'malformed'].sort(),
    )
    const struck = Array.from({ length: 10_000 }, () => drawMischief({ drop: 0.1 }, random)).filter(({ drop }) => drop)
    expect(struck.length).toBeGreaterThan(850)
    expect(struck.length).toBeLessThan(1150)
    expect(drawMischief({}, random)).toEqual({})
  })
})

describe('randomness', () => {
  it('is the same for the same seed', () => {
    const draws = (seed: number) => Array.from({ length: 100 }, createRandom(seed).next)
    expect(draws(1)).toEqual(draws(1))
    expect(draws(1)).not.toEqual(draws(2))
  })

  it('is uniform, and normal, in mean and deviation', () => {
    const random = createRandom(42)
    const uniform = moments(Array.from({ length: 50_000 }, random.next))
    expect(uniform.mean).toBeCloseTo(0.5, 1)
    expect(uniform.deviation).toBeCloseTo(Math.sqrt(1 / 12), 1)
    const normal = moments(Array.from({ length: 50_000 }, () => random.gaussian(10, 2)))
    expect(Math.abs(normal.mean - 10)).toBeLessThan(0.05)
    expect(Math.abs(normal.deviation - 2)).toBeLessThan(0.05)
  })

  it('has smooth noise through a value at every integer', () => {
    expect(smoothNoise(3, 12)).toBe(uniformAt(3, 12) * 2 - 1)
    for (let x = -5; x < 5; x += 0.01) expect(Math.abs(smoothNoise(3, x + 0.01) - smoothNoise(3, x))).toBeLessThan(0.04)
  })
})

describe('the histogram', () => {
  it('gives percentiles at most 4 % too high, and the exact maximum', () => {
    const histogram = new Histogram()
    for (let micros = 1; micros <= 100_000; micros++) histogram.record(micros / 1000)
    expect(histogram.count).toBe(100_000)
    for (const share of [0.01, 0.5, 0.9, 0.99]) {
      const exact = share * 100
      expect(histogram.percentile(share)).toBeGreaterThanOrEqual(exact)
      expect(histogram.percentile(share)).toBeLessThan(exact * 1.04)
    }
    expect(histogram.max_ms).toBe(100)
    expect(histogram.percentile(1)).toBe(100)
  })

  it('holds what is too long for it, and nothing', () => {
    const histogram = new Histogram()
    expect(histogram.percentile(0.99)).toBe(0)
    histogram.record(1e9)
    expect(histogram.percentile(0.5)).toBeGreaterThan(4e6)
  })
})

function moments(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, deviation: Math.sqrt(variance) }
}
