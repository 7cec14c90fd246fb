import { eachSpectrum, frameSize } from './spectra.js'

interface LogMelOptions {
  readonly bands: number
  readonly low_hz: number
  readonly high_hz: number
  readonly frame_seconds: number
  readonly hop_seconds: number
  readonly offset: number
}

/** Mel of a frequency in Hz (Stephen Stevens and others, 1937, as HTK has it). */
const melOf = (hz: number) => 2595 * Math.log10(1 + hz / 700)
const hzOf = (mel: number) => 700 * (10 ** (mel / 2595) - 1)

/**
 * The natural logarithm of the power in triangular bands even in mel, frame after frame. A frame is the power of two of samples nearest
 * to `frame_seconds`, under a Hann window; a sine of full scale adds up to 0.5.
 */
export function logMel(samples: Float32Array, rate: number, options: LogMelOptions) {
  const { bands, low_hz, high_hz, frame_seconds, hop_seconds, offset } = options
  const size = frameSize(frame_seconds, rate)
  const hop = Math.max(1, Math.round(hop_seconds * rate))
  const [low, high] = [melOf(low_hz), melOf(Math.min(high_hz, rate / 2))]
  const corners = Array.from({ length: bands + 2 }, (_, i) => hzOf(low + ((high - low) * i) / (bands + 1)))
  const frames = Math.ceil(samples.length / hop)
  const values = new Float32Array(frames * bands)
  eachSpectrum(samples, size, hop, (power, frame) => {
    for (let band = 0; band < bands; band++) {
      const [from = 0, top = 0, to = 0] = corners.slice(band, band + 3)
      let sum = 0
      for (let k = Math.ceil((from * size) / rate); k <= Math.min(size / 2, (to * size) / rate); k++) {
        const hz = (k * rate) / size
        sum += (power[k] as number) * Math.max(0, Math.min((hz - from) / (top - from), (to - hz) / (to - top)))
      }
      values[frame * bands + band] = Math.log(sum + offset)
    }
  })
  return { values, frames, bands }
}
