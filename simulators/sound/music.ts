import { createRandom, type Random } from '../random.js'
import { filtered } from './filter.js'
import { white } from './noise.js'
import { add, lasting, rate, type Sound } from './sound.js'

type Scale = readonly [number, ...number[]]
/** Steps of a major and a minor pentatonic scale, in semitones. */
const scales: readonly [Scale, ...Scale[]] = [
  [0, 2, 4, 7, 9],
  [0, 3, 5, 7, 10],
]

/** A note with overtones that die away the sooner the higher they are, plucked or bowed. */
function note(random: Random, hz: number, seconds: number, bowed: boolean): Sound {
  const sound = lasting(seconds)
  for (let overtone = 1; overtone <= 8 && hz * overtone < 7500; overtone++) {
    const gain = random.between(0.5, 1) / overtone ** 1.2
    for (let i = 0; i < sound.length; i++) {
      const t = i / rate
      const envelope = bowed
        ? Math.min(1, t / 0.06, (seconds - t) / 0.06)
        : Math.exp(-t * overtone * 2) * Math.min(1, t / 0.004)
      sound[i] = (sound[i] as number) + gain * envelope * Math.sin(2 * Math.PI * hz * overtone * t)
    }
  }
  return sound
}

/** A tune with a bass, in time, and on some a drum: tones, rhythm and pauses, as alarms have them. */
export function music(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const [key, scale, beat] = [random.between(110, 220), random.pick(scales), random.between(0.25, 0.6)]
  const [bowed, drum, octave] = [random.chance(0.4), random.chance(0.5), random.pick([2, 4, 8])]
  const sound = lasting(seconds)
  for (let at = 0; at < seconds; at += beat) {
    const pitch = (octaves: number) => key * octaves * 2 ** (random.pick(scale) / 12)
    const length = beat * random.pick([0.5, 1, 2])
    if (random.chance(0.8)) add(sound, note(random, pitch(octave), length, bowed), at, 0.5)
    if (random.chance(0.5)) add(sound, note(random, pitch(1), 2 * beat, false), at, 0.7)
    if (drum) add(sound, drumBeat(random), at, random.pick([0.6, 0.2]))
  }
  return sound
}

const drumBeat = (random: Random): Sound =>
  filtered(white(random.next() * 2 ** 32, 0.12), 'band', random.pick([120, 2000, 5000])).map(
    (sample, i) => 3 * sample * Math.exp((-i / rate) * 40),
  )
