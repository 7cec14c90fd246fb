/** What is to be looked at again at some time. */
export interface Due {
  /** Its place among those that wait; -1 when it does not. Kept by `Deadlines` alone. */
  place: number
  /** When, in milliseconds since 1970. */
  due_at: number
}

const longestMs = 2 ** 31 - 1

/** A heap of what is due, each once, with one timer for the first. */
export class Deadlines<Item extends Due> {
  readonly #heap: Item[] = []
  readonly #isDue: (item: Item, now: number) => void
  #timer: NodeJS.Timeout | null = null
  #timerAt = Number.POSITIVE_INFINITY
  #stopped = false

  /** @param isDue called when an item's time has come, which then waits no more */
  constructor(isDue: (item: Item, now: number) => void) {
    this.#isDue = isDue
  }

  /** An item is due no later than this. One that waits for an earlier time goes on doing so: whoever looks at it then sets it anew. */
  set(item: Item, due_at: number): void {
    if (due_at === Number.POSITIVE_INFINITY || (item.place >= 0 && item.due_at <= due_at)) return
    item.due_at = due_at
    if (item.place < 0) item.place = this.#heap.push(item) - 1
    this.#up(item)
    this.#arm()
  }

  remove(item: Item): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#put(last, place)
    this.#up(last)
    this.#down(last)
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  #arm(): void {
    const [first] = this.#heap
    if (!first || this.#stopped || first.due_at >= this.#timerAt) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timerAt = first.due_at
    this.#timer = setTimeout(() => this.#run(), Math.min(Math.max(0, first.due_at - Date.now()), longestMs))
  }

  #run(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = Date.now()
    for (let first = this.#heap[0]; first && first.due_at <= now; first = this.#heap[0]) {
      this.remove(first)
      this.#isDue(first, now)
    }
    this.#arm()
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item
    item.place = place
  }

  #up(item: Item): void {
    for (let { place } = item; place > 0; place = item.place) {
      const above = this.#heap[(place - 1) >> 1]
      if (!above || above.due_at <= item.due_at) return
      this.#put(item, above.place)
      this.#put(above, place)
    }
  }

  #down(item: Item): void {
    for (;;) {
      const { place } = item
      const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]]
      const least = left && right && right.due_at < left.due_at ? right : left
      if (!least || least.due_at >= item.due_at) return
      this.#put(item, least.place)
      this.#put(least, place)
    }
  }
}
