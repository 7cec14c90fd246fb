import QuickLRU from 'quick-lru'

/**
 * Answers kept by key, at most `most` of them, those not asked for longest going first. Forgetting is exact: whoever is still waiting
 * for an answer that was looked up before `forget` was called gets one that was looked up after.
 */
export class Cache<Value> {
  readonly #entries: QuickLRU<string, Promise<Value>>
  readonly #forgotten = new WeakSet<Promise<Value>>()

  constructor(most: number) {
    this.#entries = new QuickLRU({ maxSize: Math.ceil(most / 2) })
  }

  /** @param look finds the answer when it is not known; what it throws is not kept */
  async get(key: string, look: () => Promise<Value>): Promise<Value> {
    for (;;) {
      const entry = this.#entries.get(key) ?? this.#keep(key, look())
      const value = await entry.catch((error: unknown) => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key)
        throw error
      })
      if (!this.#forgotten.has(entry)) return value
    }
  }

  #keep(key: string, entry: Promise<Value>): Promise<Value> {
    this.#entries.set(key, entry)
    return entry
  }

  /** To be called after the commit that changed the answer. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#forgotten.add(entry)
    this.#entries.delete(key)
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.forget(key)
  }
}
