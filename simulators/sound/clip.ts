import { add, lasting, peakOf, rate, type Sound, scaled } from './sound.js'

/** Of a frame by which a sound's strength is judged, seconds. */
const frameSeconds = 0.02

/** The mean square of a sound while it sounds: over the frames within 20 dB of its loudest. */
function activePower(sound: Sound): number {
  const size = frameSeconds * rate
  const frames = Array.from({ length: Math.floor(sound.length / size) }, (_, index) =>
    powerOf(sound.subarray(index * size, (index + 1) * size)),
  )
  const least = Math.max(...frames) / 100
  const active = frames.filter(power => power >= least)
  return active.reduce((sum, power) => sum + power, 0) / Math.max(1, active.length)
}

const powerOf = (sound: Sound) => sound.reduce((sum, sample) => sum + sample ** 2, 0) / sound.length

/**
 * `sound` in `noise` that is weaker than it by `snr` dB, while it sounds; the noise counts over its whole length. The clip peaks at
 * `peak` of full scale.
 */
export function inNoise(sound: Sound, noise: Sound, snr: number, peak: number): Sound {
  const gain = Math.sqrt(activePower(sound) / powerOf(noise) / 10 ** (snr / 10))
  const clip = add(add(lasting(sound.length / rate), sound), noise, 0, gain)
  return scaled(clip, peak / Math.max(1e-9, peakOf(clip)))
}
