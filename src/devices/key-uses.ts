/** Counts the uses of API keys in memory, until a job writes them down: a login must not cost a write. */
export class KeyUses {
  #uses = new Map<string, { count: number; at: number }>()

  count(key_id: string): void {
    const at = Date.now()
    const known = this.#uses.get(key_id)
    if (known) {
      known.count++
      known.at = at
    } else this.#uses.set(key_id, { count: 1, at })
  }

  /** What was counted since the last call. */
  take(): ReadonlyMap<string, { count: number; at: number }> {
    const taken = this.#uses
    this.#uses = new Map()
    return taken
  }
}
