import type { Random } from '../random.js'

/** One channel, full scale ±1. */
export type Sound = Float32Array

/** Samples a second of every sound. */
export const rate = 16_000

export const lasting = (seconds: number): Sound => new Float32Array(Math.round(seconds * rate))

/** A sound from its value at each time in seconds. */
export const shaped = (seconds: number, valueAt: (t: number) => number): Sound =>
  lasting(seconds).map((_, index) => valueAt(index / rate))

/** Adds `sound` to `into`, from `at` seconds on; what lies beyond either end is lost. Returns `into`. */
export function add(into: Sound, sound: Sound, at = 0, gain = 1): Sound {
  const offset = Math.round(at * rate)
  for (let i = Math.max(0, -offset); i < sound.length && i + offset < into.length; i++)
    into[i + offset] = (into[i + offset] as number) + gain * (sound[i] as number)
  return into
}

export const scaled = (sound: Sound, gain: number): Sound => sound.map(sample => sample * gain)

export const peakOf = (sound: Sound) => sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)

/** Up and down over `edge` seconds at both ends of `seconds`, 1 between, 0 outside. */
export const gate = (t: number, seconds: number, edge = 0.005) =>
  Math.max(0, Math.min(1, t / edge, (seconds - t) / edge))

/** A tone whose overtones have these amplitudes, the first being the tone itself. Overtones beyond 7.5 kHz are left out. */
export function tone(hz: number, seconds: number, overtones: readonly number[] = [1], edge = 0.005): Sound {
  const heard = overtones.map((gain, index) => [gain, hz * (index + 1)] as const).filter(([, f]) => f < 7500)
  return shaped(seconds, t => {
    let value = 0
    for (const [gain, f] of heard) value += gain * Math.sin(2 * Math.PI * f * t)
    return value * gate(t, seconds, edge)
  })
}

/** A square wave has the odd overtones only, each as weak as its number is high. */
export const square = [1, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7, 0, 1 / 9, 0, 1 / 11, 0, 1 / 13]

/** Struck: partials that begin at once and die away, `decay` seconds to a 1/e-th. */
export function struck(
  random: Random,
  partials: readonly (readonly [hz: number, gain: number, decay: number])[],
): Sound {
  const longest = Math.max(...partials.map(([, , decay]) => decay))
  const sound = lasting(Math.min(3, 6 * longest))
  for (const [hz, gain, decay] of partials) {
    const phase = random.between(0, 2 * Math.PI)
    for (let i = 0; i < sound.length; i++) {
      const t = i / rate
      sound[i] = (sound[i] as number) + gain * Math.exp(-t / decay) * Math.sin(2 * Math.PI * hz * t + phase)
    }
  }
  return sound
}
