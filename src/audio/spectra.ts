/**
 * The spectrum of a frame of real samples: a complex transform in place by Cooley and Tukey, decimated in time.
 * @param size a power of two
 * @returns what fills `re` and `im` with the bins of what stands in them
 */
function createTransform(size: number): (re: Float64Array, im: Float64Array) => void {
  const cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size))
  const sin = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size))
  const order = bitReversed(size)
  return (re, im) => {
    for (let i = 0; i < size; i++) {
      const j = order[i] ?? 0
      if (j <= i) continue
      swap(re, i, j)
      swap(im, i, j)
    }
    pairs(re, im)
    for (let half = 2; half < size; half *= 2) {
      const stride = size / (2 * half)
      for (let start = 0; start < size; start += 2 * half)
        for (let i = 0; i < half; i++) {
          const c = cos[i * stride] as number
          const s = sin[i * stride] as number
          const a = start + i
          const b = a + half
          const x = re[b] as number
          const y = im[b] as number
          const u = x * c - y * s
          const v = x * s + y * c
          re[b] = (re[a] as number) - u
          im[b] = (im[a] as number) - v
          re[a] = (re[a] as number) + u
          im[a] = (im[a] as number) + v
        }
    }
  }
}

/** The first round of butterflies, which turn nothing. */
function pairs(re: Float64Array, im: Float64Array): void {
  for (let i = 0; i < re.length; i += 2) {
    const x = re[i + 1] as number
    const y = im[i + 1] as number
    re[i + 1] = (re[i] as number) - x
    im[i + 1] = (im[i] as number) - y
    re[i] = (re[i] as number) + x
    im[i] = (im[i] as number) + y
  }
}

function swap(array: Float64Array, i: number, j: number): void {
  const kept = array[i] as number
  array[i] = array[j] as number
  array[j] = kept
}

function bitReversed(size: number): Uint32Array {
  const order = new Uint32Array(size)
  for (let i = 1; i < size; i++) order[i] = ((order[i >> 1] as number) >> 1) | (i & 1 ? size >> 1 : 0)
  return order
}

/** The power of two nearest to so many seconds. */
export const frameSize = (seconds: number, rate: number) => 2 ** Math.round(Math.log2(seconds * rate))

/**
 * Power spectra under a Hann window of `size` samples, centred on every `hop`th sample; beyond its ends a clip is silent. The bins of a
 * frame add up to its mean square: a sine of full scale gives 0.5.
 * @param each is told the powers of bins 0 to size / 2, in an array that the next frame overwrites
 */
export function eachSpectrum(
  samples: Float32Array,
  size: number,
  hop: number,
  each: (power: Float64Array, frame: number) => void,
): void {
  const transform = createTransform(size)
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size))
  const frames = Math.ceil(samples.length / hop)
  const [re, im] = [new Float64Array(size), new Float64Array(size)]
  const [even, odd] = [new Float64Array(size / 2 + 1), new Float64Array(size / 2 + 1)]
  // Samples are real, so one transform serves two frames: the second stands in the imaginary parts.
  for (let frame = 0; frame < frames; frame += 2) {
    windowed(samples, frame * hop - size / 2, window, re)
    windowed(samples, (frame + 1) * hop - size / 2, window, im)
    transform(re, im)
    powersOf(re, im, even, odd)
    each(even, frame)
    if (frame + 1 < frames) each(odd, frame + 1)
  }
}

function windowed(samples: Float32Array, from: number, window: Float64Array, into: Float64Array): void {
  const end = Math.min(window.length, samples.length - from)
  into.fill(0)
  for (let i = Math.max(0, -from); i < end; i++) into[i] = (samples[from + i] as number) * (window[i] as number)
}

/** The powers of two frames whose transforms are the even and the odd part of one. */
function powersOf(re: Float64Array, im: Float64Array, even: Float64Array, odd: Float64Array): void {
  const size = re.length
  // The squares of a Hann window add up to 3/8 of its length; each bin but the first and last stands for two.
  const scale = 2 / (size * ((3 / 8) * size)) / 4
  for (let k = 0; k <= size / 2; k++) {
    const mirror = (size - k) & (size - 1)
    const a = re[k] as number
    const b = re[mirror] as number
    const c = im[k] as number
    const d = im[mirror] as number
    const share = k === 0 || k === size / 2 ? scale / 2 : scale
    even[k] = share * ((a + b) * (a + b) + (c - d) * (c - d))
    odd[k] = share * ((a - b) * (a - b) + (c + d) * (c + d))
  }
}

export const decibels = (power: number) => 10 * Math.log10(Math.max(power, 1e-12))
