import { BadRecording } from './faults.js'
import { Resampler } from './resampler.js'

/** What detectors listen to, in samples a second. */
export const rate = 16_000
/** What a recording may have. */
const rates = { min: 4000, max: 192_000 } as const
const maxChannels = 8

export interface Shape {
  readonly rate: number
  readonly channels: number
}

/** Gathers sound as one channel of 16 kHz, and no more of it than may be. */
export class Mono {
  readonly shape: Shape
  readonly #resampler: Resampler | null
  readonly #max: number
  #samples = new Float32Array(rate)
  #length = 0

  /** @throws BadRecording `unsupported` */
  constructor(shape: Shape, maxSeconds: number) {
    const { rate: given, channels } = shape
    if (!(given >= rates.min && given <= rates.max))
      throw new BadRecording('unsupported', `${given} samples a second are outside of ${rates.min} to ${rates.max}.`)
    if (!(channels >= 1 && channels <= maxChannels))
      throw new BadRecording('unsupported', `${channels} channels are outside of 1 to ${maxChannels}.`)
    this.shape = shape
    this.#resampler = given === rate ? null : new Resampler(given, rate)
    this.#max = maxSeconds * rate
  }

  /** @throws BadRecording `too_long` when there are more samples than may be, of which each channel has so many */
  refuse(samples: number): void {
    if ((samples / this.shape.rate) * rate > this.#max)
      throw new BadRecording('too_long', `It is longer than ${this.#max / rate} seconds.`)
  }

  /** Takes the next samples of all channels, which it may change. */
  write(channels: readonly Float32Array[]): void {
    const [first] = channels
    if (!first) return
    for (let i = 0; i < first.length; i++) {
      let sum = 0
      for (const channel of channels) sum += channel[i] ?? 0
      const mean = sum / channels.length
      // What is no number would make everything after it none.
      first[i] = mean >= -1 && mean <= 1 ? mean : mean > 1 ? 1 : mean < -1 ? -1 : 0
    }
    this.#keep(this.#resampler ? this.#resampler.push(first) : first)
  }

  /** All of it. */
  end(): Float32Array {
    if (this.#resampler) this.#keep(this.#resampler.end())
    return this.#samples.subarray(0, this.#length)
  }

  #keep(samples: Float32Array): void {
    const length = this.#length + samples.length
    // What is left of a filter's tail is not too long.
    if (length > this.#max + rate) throw new BadRecording('too_long', `It is longer than ${this.#max / rate} seconds.`)
    if (length > this.#samples.length) {
      const larger = new Float32Array(Math.max(length, this.#samples.length * 2))
      larger.set(this.#samples.subarray(0, this.#length))
      this.#samples = larger
    }
    this.#samples.set(samples, this.#length)
    this.#length = length
  }
}
