import { createRandom, type Random } from '../random.js'
import { filtered } from './filter.js'
import { white } from './noise.js'
import { add, lasting, rate, type Sound, struck } from './sound.js'

/**
 * A pane that breaks: the thud of what hit it, the crack, then shards that ring on frequencies of their own as they part and fall, fewer
 * and fainter with time.
 */
export function glassBreak(seed: number, seconds: number): Sound {
  const random = createRandom(seed)
  const sound = lasting(seconds)
  const at = random.between(0.3, Math.max(0.4, seconds - 1.8))
  add(sound, struck(random, [[random.between(60, 180), 1, 0.03]]), at, random.between(0.3, 1))
  add(sound, crack(random), at + random.between(0.002, 0.01))
  const falling = random.between(0.15, 0.45)
  const shards = Math.round(random.between(40, 110))
  for (let i = 0; i < shards; i++) {
    // As rain thins out: the waiting times of a decay.
    const late = -falling * Math.log(1 - random.next())
    add(sound, shard(random), at + 0.005 + late, 0.5 * Math.exp(-late / (2 * falling)))
  }
  return sound
}

function crack(random: Random): Sound {
  const length = random.between(0.05, 0.12)
  const noise = filtered(white(random.next() * 2 ** 32, length), 'high', random.between(1500, 3000))
  return noise.map((sample, i) => 2 * sample * Math.exp((-5 * i) / (length * rate)))
}

function shard(random: Random): Sound {
  const partials = Array.from(
    { length: 3 },
    () => [random.between(2000, 7600), random.between(0.2, 1), random.between(0.01, 0.08)] as const,
  )
  return struck(random, partials)
}
