import { createRandom } from '../random.js'
import { add, lasting, rate, type Sound } from './sound.js'

/** Delays of parallel combs and of all-passes in series, seconds (Manfred Schroeder, "Natural sounding artificial reverberation", 1962). */
const combs = [0.0297, 0.0371, 0.0411, 0.0437]
const allPasses = [0.005, 0.0017]

function comb(sound: Sound, delay: number, seconds: number): Sound {
  const distance = Math.round(delay * rate)
  // By 60 dB in `seconds`.
  const gain = 10 ** ((-3 * delay) / seconds)
  const out = Float32Array.from(sound)
  for (let i = distance; i < out.length; i++) out[i] = (out[i] as number) + gain * (out[i - distance] as number)
  return out
}

function allPass(sound: Sound, delay: number): Sound {
  const distance = Math.round(delay * rate)
  const gain = 0.7
  const out = new Float32Array(sound.length)
  for (let i = 0; i < sound.length; i++)
    out[i] = -gain * (sound[i] as number) + (sound[i - distance] ?? 0) + gain * (out[i - distance] ?? 0)
  return out
}

/**
 * The sound in a room that rings for `seconds` (to a millionth of the power), as heard from some way off: the room's answer is
 * `wet` times as strong as what comes straight. Rooms of different seeds differ a little in their walls.
 */
export function inRoom(sound: Sound, seconds: number, wet: number, seed: number): Sound {
  if (seconds <= 0) return sound
  const random = createRandom(seed)
  const answer = lasting(sound.length / rate)
  for (const delay of combs) add(answer, comb(sound, delay * random.between(0.8, 1.2), seconds), 0, 1 / combs.length)
  const spread = allPasses.reduce((rest, delay) => allPass(rest, delay), answer)
  return add(Float32Array.from(sound), spread, 0.004, wet)
}
