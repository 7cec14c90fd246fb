import { createRandom, type Random, smoothNoise } from '../random.js'
import { filtered } from './filter.js'
import { add, lasting, rate, type Sound, shaped } from './sound.js'

/** All frequencies alike. */
export function white(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  // Four draws make a bell, as far as ears can tell, at a fraction of a gaussian's price.
  return lasting(seconds).map(() => random.next() + random.next() + random.next() + random.next() - 2)
}

/** 3 dB less with each octave: Paul Kellet's filter of white noise, 1999, good to 0.5 dB above 10 Hz at 44.1 kHz. */
export function pink(seed: number, seconds: number): Sound {
  let [b0, b1, b2] = [0, 0, 0]
  return white(seed, seconds).map(sample => {
    b0 = 0.99765 * b0 + sample * 0.099046
    b1 = 0.963 * b1 + sample * 0.2965164
    b2 = 0.57 * b2 + sample * 1.0526913
    return b0 + b1 + b2 + sample * 0.1848
  })
}

type Vowel = readonly [number, number, number]
/** Formants of vowels, Hz (Peterson and Barney, 1952, men): heed, had, hod, hawed, who'd, heard. */
const vowels: readonly [Vowel, ...Vowel[]] = [
  [270, 2290, 3010],
  [660, 1720, 2410],
  [730, 1090, 2440],
  [570, 840, 2410],
  [300, 870, 2240],
  [490, 1350, 1690],
]

/** One voice: syllables of vowels on a pitch that wanders, with hissing consonants between them, and breaths. */
export function voice(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  const pitch = random.between(90, 240)
  for (let at = -random.next(); at < seconds; ) {
    const length = random.between(0.08, 0.28)
    add(sound, syllable(random, pitch * random.between(0.8, 1.25), length), at)
    if (random.chance(0.5)) add(sound, hiss(random, random.between(0.04, 0.12)), at - 0.06, random.between(0.05, 0.25))
    at += length + (random.chance(0.12) ? random.between(0.3, 0.9) : random.between(0.02, 0.08))
  }
  return sound
}

function syllable(random: Random, pitch: number, length: number): Sound {
  const glide = random.between(-0.15, 0.15)
  const source = shaped(length, t => {
    const phase = (pitch * t * (1 + (glide * t) / length)) % 1
    // The folds let air through in pulses, and are shut for the rest.
    return phase < 0.6 ? Math.sin((Math.PI * phase) / 0.6) ** 2 - 0.3 : -0.3
  })
  const formants = random.pick(vowels)
  const sound = lasting(length)
  for (const [index, hz] of formants.entries())
    add(sound, filtered(source, 'band', hz * random.between(0.92, 1.08), 8), 0, [1, 0.5, 0.25][index])
  const force = random.between(0.4, 1)
  return sound.map((sample, i) => force * sample * Math.sin((Math.PI * i) / sound.length))
}

const hiss = (random: Random, length: number): Sound =>
  filtered(white(random.next() * 2 ** 32, length), 'high', random.between(2500, 4500)).map(
    (sample, i, all) => sample * Math.sin((Math.PI * i) / all.length),
  )

/** A room full of people talking. */
export function babble(seed: number, seconds: number): Sound {
  const sound = lasting(seconds)
  for (let speaker = 0; speaker < 5; speaker++) add(sound, voice(seed * 7 + speaker, seconds))
  return sound
}

/** Mains: 50 Hz and its overtones, mostly the odd ones, and a little noise. */
export function hum(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const gains = Array.from(
    { length: 12 },
    (_, index) => random.next() / (index % 2 === 0 ? index + 1 : 3 * (index + 1)),
  )
  const sound = shaped(seconds, t =>
    gains.reduce((sum, gain, index) => sum + gain * Math.sin(2 * Math.PI * 50 * (index + 1) * t), 0),
  )
  return add(sound, pink(seed + 1, seconds), 0, 0.003)
}

/** Rain, a fan, the road: noise of some colour, its strength wandering. */
export function weather(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const coloured = filtered(
    random.chance(0.5) ? white(seed, seconds) : pink(seed, seconds),
    'low',
    random.between(500, 6000),
  )
  const pace = random.between(0.3, 3)
  return coloured.map((sample, i) => sample * (1 + 0.5 * smoothNoise(seed, (i / rate) * pace)))
}
