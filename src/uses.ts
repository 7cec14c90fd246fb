/** How often each was used, by id, and when last, in milliseconds since 1970. */
export type UseCounts = ReadonlyMap<string, { readonly count: number; readonly at: number }>

/** Counts the uses of keys and tokens in memory, until a job writes them down: a login must not cost a write. */
export class Uses {
  #uses = new Map<string, { count: number; at: number }>()

  count(id: string): void {
    const at = Date.now()
    const known = this.#uses.get(id)
    if (known) {
      known.count++
      known.at = at
    } else this.#uses.set(id, { count: 1, at })
  }

  /** What was counted since the last call. */
  take(): UseCounts {
    const taken = this.#uses
    this.#uses = new Map()
    return taken
  }
}
