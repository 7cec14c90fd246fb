import { createRandom, type Random } from '../random.js'
import { add, lasting, type Sound, square, tone } from './sound.js'

/** Pulses `on` seconds long, `off` apart, then `pause`. */
interface Cycle {
  readonly pulses: number
  readonly on: number
  readonly off: number
  readonly pause: number
}

/** ISO 8201:2017; each phase within a tenth. */
const temporalThree: Cycle = { pulses: 3, on: 0.5, off: 0.5, pause: 1.5 }
/** UL 2034, of the first four minutes. */
const temporalFour: Cycle = { pulses: 4, on: 0.1, off: 0.1, pause: 5 }

/** A sounder: a piezo disc near 3 kHz with a little of its overtones. */
const piezo = (random: Random) => ({ hz: random.between(2850, 3700), overtones: [1, random.between(0, 0.3)] })
/** A low sounder: a square wave, 520 Hz within a tenth (NFPA 72). */
const low = (random: Random) => ({ hz: 520 * random.between(0.91, 1.09), overtones: square })

/** One alarm's timing is off by up to a tenth, differently in each phase, and the same in every cycle. It is heard from anywhere in a cycle on. */
function alarm(
  random: Random,
  seconds: number,
  cycle: Cycle,
  sounder: { hz: number; overtones: readonly number[] },
): Sound {
  const off = (phase: number) => phase * random.between(0.91, 1.09)
  const own = { on: off(cycle.on), off: off(cycle.off), pause: off(cycle.pause) }
  const pulse = tone(sounder.hz, own.on, sounder.overtones)
  const length = cycle.pulses * (own.on + own.off) - own.off + own.pause
  const sound = lasting(seconds)
  for (let at = -random.next() * length; at < seconds; at += length)
    for (let i = 0; i < cycle.pulses; i++) add(sound, pulse, at + i * (own.on + own.off))
  return sound
}

/** A smoke alarm that goes on for the whole clip. */
export function smokeAlarm(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  return alarm(random, seconds, temporalThree, piezo(random))
}

export function lowSmokeAlarm(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  return alarm(random, seconds, temporalThree, low(random))
}

/** A carbon monoxide alarm in its first four minutes. */
export function coAlarm(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  return alarm(random, seconds, temporalFour, piezo(random))
}
