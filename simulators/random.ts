/**
 * Randomness that can be repeated: everything a simulator does by chance follows from its seed.
 * `createRandom` is a stream of draws; `uniformAt` and `smoothNoise` are functions of a point, for what must not depend on how
 * often it was asked.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** Normally distributed, by the polar method of Box and Muller. */
  gaussian(mean: number, deviation: number): number
  /** True with this probability; 0 is never, 1 is always. */
  chance(probability: number): boolean
  pick<T>(items: readonly [T, ...T[]]): T
}

/** Chris Doty-Humphrey's sfc32 (PractRand 0.93): 128 bits of state, period about 2^127. Only the low 32 bits of `seed` count. */
export function createRandom(seed: number): Random {
  const next = sfc32(seed)
  const between = (low: number, high: number) => low + next() * (high - low)
  return {
    next,
    between,
    // 1 - next() lies in (0, 1], so that the logarithm is finite.
    gaussian: (mean, deviation) =>
      mean + deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    chance: probability => next() < probability,
    pick: items => items[Math.floor(next() * items.length)] ?? items[0],
  }
}

function sfc32(seed: number): () => number {
  let a = mix(seed)
  let b = mix(a ^ 0x9e3779b9)
  let c = mix(b ^ 0x9e3779b9)
  let counter = 1
  const draw = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 0x1_0000_0000
  }
  for (let i = 0; i < 12; i++) draw()
  return draw
}

/** The finalizer of MurmurHash3 (Austin Appleby): every bit of the result depends on every bit of `value`. */
function mix(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** The seed of the `index`th part of something that has a seed: unsigned, 32 bits. */
export const deriveSeed = (seed: number, index: number) => mix(mix(seed) ^ (index + 0x9e3779b9)) >>> 0

/** Uniform in [0, 1): the same for the same seed and the same integer `index`. */
export const uniformAt = (seed: number, index: number) => deriveSeed(seed, index) / 0x1_0000_0000

/** Value noise: a smooth curve in [-1, 1] through a random value at every integer `x`. */
export function smoothNoise(seed: number, x: number): number {
  const before = Math.floor(x)
  const share = x - before
  const eased = share * share * (3 - 2 * share)
  const left = uniformAt(seed, before)
  return (left + (uniformAt(seed, before + 1) - left) * eased) * 2 - 1
}
