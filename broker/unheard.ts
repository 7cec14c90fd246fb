import type { AedesInside, Message } from './internals.js'

const maxKnown = 100_000

/** Topics that nobody who is here listens to: most of what devices say. Looking for listeners took longer than all else about a message. */
export class Unheard {
  readonly #mq: AedesInside['mq']
  readonly #known = new Set<string>()

  constructor(mq: AedesInside['mq']) {
    this.#mq = mq
    const on = mq.on
    mq.on = (...given) => {
      this.#known.clear()
      return on.apply(mq, given)
    }
  }

  has({ topic }: Message): boolean {
    if (this.#known.has(topic)) return true
    if (this.#mq._matcher.match(topic).length > 0) return false
    if (this.#known.size >= maxKnown) this.#known.clear()
    this.#known.add(topic)
    return true
  }
}
