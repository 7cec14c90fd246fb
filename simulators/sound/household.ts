import { createRandom, type Random } from '../random.js'
import { filtered } from './filter.js'
import { white } from './noise.js'
import { add, gate, lasting, rate, type Sound, shaped, square, struck, tone } from './sound.js'

/** Beeps of one length and distance, from `at` on. */
function beeps(sound: Sound, beep: Sound, at: number, count: number, period: number): Sound {
  for (let i = 0; i < count; i++) add(sound, beep, at + i * period)
  return sound
}

/** A microwave oven that is done: some long beeps, once. */
function microwave(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const length = random.between(0.3, 1)
  const beep = tone(random.between(1900, 3200), length, [1, 0.2])
  return beeps(
    lasting(seconds),
    beep,
    random.between(0, 2),
    3 + Math.floor(random.between(0, 3)),
    length * random.between(1.4, 2.2),
  )
}

/** A telephone on a piezo: a warble of two tones, ringing and pausing. */
function phone(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const [high, low, warble] = [random.between(1500, 3300), random.between(0.75, 0.9), random.between(10, 25)]
  const [ring, pause] = [random.between(0.8, 2), random.between(1.5, 4)]
  const from = random.between(0, 2)
  let phase = 0
  return shaped(seconds, t => {
    const hz = (t * warble) % 1 < 0.5 ? high : high * low
    phase += (2 * Math.PI * hz) / rate
    return Math.sin(phase) * gate((t + from) % (ring + pause), ring)
  })
}

/** A kitchen timer or a watch: short pips in fours, each second. */
function timer(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const pip = tone(random.between(2000, 4200), random.between(0.05, 0.11), [1, 0.1])
  const apart = random.between(0.11, 0.2)
  const sound = lasting(seconds)
  const pips = random.pick([2, 3, 4, 4])
  for (let at = random.next(); at < seconds; at += 1) beeps(sound, pip, at, pips, apart)
  return sound
}

/** A lorry that reverses: half on, half off, without end. */
function lorry(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const period = random.between(0.8, 1.3)
  const beep = tone(random.between(1000, 3100), period * random.between(0.4, 0.6), square)
  return beeps(lasting(seconds), beep, -random.next(), Math.ceil(seconds / period) + 2, period)
}

/** A kettle: a hiss that grows to a rush, and then, on some, a whistle. */
function kettle(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const rush = filtered(white(seed + 1, seconds), 'band', random.between(800, 4000), 0.5)
  const grows = rush.map((sample, i) => sample * (0.1 + i / rate / seconds) ** 2)
  const [whistle, from] = [random.between(1800, 3600), random.between(0.3, 0.8) * seconds]
  if (random.chance(0.5)) return grows
  return add(grows, tone(whistle, seconds - from, [1, 0.3], 1), from, 0.3)
}

/** Doors thrown shut: a heavy thud, and what rattles with it. */
function doorSlam(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  for (let at = random.between(0.2, 2); at < seconds; at += random.between(1.5, 6)) {
    const hz = random.between(50, 110)
    add(
      sound,
      struck(random, [
        [hz, 1, 0.12],
        [hz * 1.7, 0.5, 0.08],
        [hz * 3.1, 0.3, 0.05],
      ]),
      at,
    )
    add(sound, burst(random, 0.06, 'low', random.between(800, 2500)), at, 0.6)
    add(sound, burst(random, 0.03, 'band', random.between(1000, 4000)), at + random.between(0.03, 0.12), 0.2)
  }
  return sound
}

/** Noise that begins at once and dies away, `decay` seconds to a 1/e-th. */
function burst(random: Random, decay: number, kind: 'low' | 'high' | 'band', hz: number): Sound {
  const noise = filtered(white(random.next() * 2 ** 32, 6 * decay), kind, hz)
  return noise.map((sample, i) => sample * Math.exp(-i / rate / decay))
}

/** One pair of hands, or a few. */
function clapping(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  const people = Math.ceil(random.between(0, 4))
  for (let person = 0; person < people; person++) {
    const [hz, period] = [random.between(900, 2600), random.between(0.2, 0.6)]
    for (let at = random.next(); at < seconds; at += period * random.between(0.9, 1.1))
      add(sound, burst(random, random.between(0.004, 0.012), 'band', hz), at, random.between(0.5, 1))
  }
  return sound
}

/** Cutlery, plates and glasses that are set down whole: a few bright partials each. */
function cutlery(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  for (let at = random.next(); at < seconds; at += random.between(0.08, 1.2)) {
    const lowest = random.between(900, 3500)
    const decay = random.between(0.02, 0.15)
    const ratios = [1, random.between(1.5, 1.9), random.between(2.2, 2.9)]
    add(
      sound,
      struck(
        random,
        ratios.map((ratio, index) => [lowest * ratio, 1 / (index + 1), decay] as const),
      ),
      at,
      random.next(),
    )
    add(sound, burst(random, 0.003, 'high', 2000), at, 0.3)
  }
  return sound
}

/** Struck in quick succession, `count` times: a few partials between the bounds, in Hz. */
function clatter(random: Random, count: number, apart: number, [low, high]: readonly [number, number]): Sound {
  const sound = lasting(count * apart * 1.5 + 0.5)
  for (let i = 0, at = 0; i < count; i++, at += apart * random.between(0.5, 1.5)) {
    const partials = Array.from(
      { length: 3 },
      () => [random.between(low, high), random.between(0.3, 1), random.between(0.01, 0.05)] as const,
    )
    add(sound, struck(random, partials), at, random.between(0.3, 1))
  }
  return sound
}

/** Clatters of `count` knocks between the bounds, in Hz, each so far `apart`, and with a `pause` from one's beginning to the next one's, in seconds. */
const clattering =
  ({ count, apart, pause, hz }: Readonly<Record<'count' | 'apart' | 'pause' | 'hz', readonly [number, number]>>) =>
  (seed: number, seconds: number): Sound => {
    const random = createRandom(seed)
    const sound = lasting(seconds)
    for (let at = random.next(); at < seconds; at += random.between(...pause))
      add(sound, clatter(random, Math.round(random.between(...count)), random.between(...apart), hz), at)
    return sound
  }

/** A bunch of keys that is carried about: jingles of a second and more. */
const keys = clattering({ count: [12, 40], apart: [0.07, 0.15], pause: [2.5, 6], hz: [2500, 7500] })

/** Plates that are put away: a few knocks close together, each on partials of its own. */
const dishes = clattering({ count: [2, 10], apart: [0.03, 0.15], pause: [1.5, 5], hz: [700, 5500] })

/** Rain on tin, gravel, a crisp bag: many small bright knocks, going on for a while. */
function rain(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  const hz = random.between(1500, 4500)
  for (let at = random.next(); at < seconds; at += -0.06 * Math.log(1 - random.next()))
    add(sound, burst(random, random.between(0.002, 0.01), 'high', hz), at, random.next() ** 2)
  return sound
}

/** A sneeze, an aerosol, a bus's brakes: a breath of noise that swells and ends. */
function hissing(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  for (let at = random.between(0.2, 2); at < seconds; at += random.between(1.5, 5)) {
    const length = random.between(0.2, 1.5)
    const noise = filtered(white(random.next() * 2 ** 32, length), 'high', random.between(800, 3000))
    add(
      sound,
      noise.map((sample, i) => sample * gate(i / rate, length, length * random.between(0.15, 0.16))),
      at,
    )
  }
  return sound
}

/** What is no alarm, and may sound like one. */
export const household = {
  microwave,
  phone,
  timer,
  lorry,
  kettle,
  doorSlam,
  clapping,
  cutlery,
  keys,
  dishes,
  rain,
  hissing,
}
