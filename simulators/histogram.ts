/** Each power of two is cut into this many buckets, so a figure is at most 1/32 (3 %) too high. */
const parts = 32
const log2OfParts = 5
const powers = 32

/**
 * Counts durations in a fixed 8 KB, whatever their number: buckets grow with the value, as in HdrHistogram (Gil Tene).
 * Holds 1 µs to over an hour.
 */
export class Histogram {
  readonly #counts = new Float64Array(parts * powers)
  #total = 0
  #max = 0

  get count(): number {
    return this.#total
  }

  /** The longest duration recorded, exact; 0 when there is none. */
  get max_ms(): number {
    return this.#max
  }

  record(milliseconds: number): void {
    const micros = Math.min(0xffff_ffff, Math.max(0, Math.round(milliseconds * 1000)))
    const index = bucketOf(micros)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
    if (milliseconds > this.#max) this.#max = milliseconds
  }

  /** The duration that `share` (0 to 1) of all do not exceed, in milliseconds; 0 when there is none. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#total))
    let seen = 0
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] ?? 0
      if (seen >= wanted) return Math.min(this.#max, upperEdge(index) / 1000)
    }
    return 0
  }
}

/** Below `parts` every value has a bucket of its own; above, the top five bits after the first choose it. */
function bucketOf(micros: number): number {
  if (micros < parts) return micros
  const power = 31 - Math.clz32(micros)
  const shift = power - log2OfParts
  return (shift + 1) * parts + ((micros >>> shift) - parts)
}

function upperEdge(index: number): number {
  if (index < parts) return index
  const shift = Math.floor(index / parts) - 1
  return ((index % parts) + parts + 1) * 2 ** shift - 1
}
