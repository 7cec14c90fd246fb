const everyMs = 5000
const minute = 60_000

/** How many messages came in the last minute, from a counter that is looked at every five seconds. */
export class Traffic {
  readonly #counter: () => number
  readonly #samples: { readonly at: number; readonly count: number }[]
  readonly #timer: NodeJS.Timeout

  constructor(counter: () => number) {
    this.#counter = counter
    this.#samples = [{ at: performance.now(), count: counter() }]
    this.#timer = setInterval(() => this.#look(), everyMs)
    this.#timer.unref()
  }

  #look(): void {
    this.#samples.push({ at: performance.now(), count: this.#counter() })
    if (this.#samples.length > minute / everyMs + 1) this.#samples.shift()
  }

  /** Messages a minute, to a tenth; in the first minute, as far as it has gone. */
  perMinute(): number {
    const [oldest] = this.#samples
    const now = performance.now()
    if (!oldest || now === oldest.at) return 0
    return Math.round(((this.#counter() - oldest.count) * minute * 10) / Math.max(now - oldest.at, everyMs)) / 10
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
