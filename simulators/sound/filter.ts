import { rate, type Sound } from './sound.js'

type Kind = 'low' | 'high' | 'band'

/**
 * A second-order filter (Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"): `low` and `high` pass what
 * is below and above `hz`, `band` what is around it, with 0 dB at its middle.
 */
export function filtered(sound: Sound, kind: Kind, hz: number, q = Math.SQRT1_2): Sound {
  const omega = (2 * Math.PI * hz) / rate
  const [cos, alpha] = [Math.cos(omega), Math.sin(omega) / (2 * q)]
  const numerators: Record<Kind, readonly [number, number, number]> = {
    low: [(1 - cos) / 2, 1 - cos, (1 - cos) / 2],
    high: [(1 + cos) / 2, -1 - cos, (1 + cos) / 2],
    band: [alpha, 0, -alpha],
  }
  const [b0, b1, b2] = numerators[kind]
  const [a0, a1, a2] = [1 + alpha, -2 * cos, 1 - alpha]
  let [x1, x2, y1, y2] = [0, 0, 0, 0]
  return sound.map(x => {
    const y = (b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) / a0
    x2 = x1
    x1 = x
    y2 = y1
    y1 = y
    return y
  })
}
