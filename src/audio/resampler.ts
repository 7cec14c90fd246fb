/** Zero crossings of the filter on each side. */
const crossings = 16
/** Where the filter begins to fall, as a part of half the lower rate. */
const rolloff = 0.92

/** Changes the rate of a stream of samples: a windowed sinc for each phase that the two rates meet in. */
export class Resampler {
  readonly #up: number
  readonly #down: number
  readonly #half: number
  readonly #phases: readonly Float32Array[]
  /** What of the input is still needed, after as much silence as the filter looks back. */
  #held: Float32Array
  /** The place of the next output, in parts of an input sample, from the beginning of what is held. */
  #at: number

  constructor(from: number, to: number) {
    const common = divisor(from, to)
    this.#up = to / common
    this.#down = from / common
    const cutoff = Math.min(1, to / from) * rolloff
    this.#half = Math.ceil(crossings / cutoff)
    this.#phases = Array.from({ length: this.#up }, (_, phase) => filter(phase / this.#up, cutoff, this.#half))
    this.#held = new Float32Array(this.#half)
    this.#at = this.#half * this.#up
  }

  push(samples: Float32Array): Float32Array {
    const input = new Float32Array(this.#held.length + samples.length)
    input.set(this.#held)
    input.set(samples, this.#held.length)
    const last = (input.length - this.#half) * this.#up
    const output = new Float32Array(Math.max(0, Math.ceil((last - this.#at) / this.#down)))
    for (let i = 0; i < output.length; i++) {
      output[i] = this.#one(input)
      this.#at += this.#down
    }
    const used = Math.min(input.length, Math.floor(this.#at / this.#up) - this.#half)
    this.#held = input.slice(used)
    this.#at -= used * this.#up
    return output
  }

  /** What the filter still owes for the last samples. */
  end(): Float32Array {
    return this.push(new Float32Array(this.#half))
  }

  #one(input: Float32Array): number {
    const from = Math.floor(this.#at / this.#up) - this.#half + 1
    const taps = this.#phases[this.#at % this.#up] as Float32Array
    let sum = 0
    for (let k = 0; k < taps.length; k++) sum += (taps[k] as number) * (input[from + k] as number)
    return sum
  }
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))

/** The taps for an output that lies `phase` behind an input sample; they let a constant through as it is. */
function filter(phase: number, cutoff: number, half: number): Float32Array {
  const taps = Float32Array.from({ length: 2 * half }, (_, k) => {
    const x = k - half + 1 - phase
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / half)
    const t = Math.PI * x * cutoff
    return (t === 0 ? 1 : Math.sin(t) / t) * cutoff * (Math.abs(x) >= half ? 0 : window)
  })
  const sum = taps.reduce((all, tap) => all + tap, 0)
  return taps.map(tap => tap / sum)
}
