/** What comes next of a contact. */
export interface Next {
  readonly id: string
  readonly home_id: string
  readonly contact_id: string
  /** When, in milliseconds since 1970. */
  readonly next_at: number
}

/** How many are sent at the same time for one home: what hangs there leaves room for the others. */
const maxOfHome = 8
/** Homes and contacts of which it is remembered when they had their turn; those that had it longest ago are forgotten. */
const maxKnown = 10_000

/**
 * Whose turn it is: the home's that has had none for longest, and of a home the contact's. However much waits for receivers that do not
 * answer, nobody else waits behind it.
 */
export class Turns {
  readonly #last = new Map<string, number>()
  #count = 0

  /**
   * @param due what is due of each contact, the earliest first
   * @param busy the home of each that is being sent
   * @returns `most` of them, or fewer
   */
  choose(due: readonly Next[], busy: readonly string[], most: number): Next[] {
    const homes = [...busy]
    const left = new Set(due)
    const chosen: Next[] = []
    while (chosen.length < most) {
      const [first, ...others] = [...left].filter(({ home_id }) => count(homes, home_id) < maxOfHome)
      if (!first) break
      const next = others.reduce((best, one) => (this.#isBefore(one, best) ? one : best), first)
      left.delete(next)
      homes.push(next.home_id)
      chosen.push(next)
      this.#note(next.home_id)
      this.#note(next.contact_id)
    }
    return chosen
  }

  #isBefore(one: Next, other: Next): boolean {
    const [at, otherAt] = [this.#lastOf(one.home_id), this.#lastOf(other.home_id)]
    return at < otherAt || (at === otherAt && this.#lastOf(one.contact_id) < this.#lastOf(other.contact_id))
  }

  #lastOf(id: string): number {
    return this.#last.get(id) ?? 0
  }

  #note(id: string): void {
    this.#last.delete(id)
    this.#last.set(id, ++this.#count)
    const [oldest] = this.#last.keys()
    if (this.#last.size > maxKnown && oldest !== undefined) this.#last.delete(oldest)
  }
}

const count = (ids: readonly string[], id: string) => ids.filter(one => one === id).length
