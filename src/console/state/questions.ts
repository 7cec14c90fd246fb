/** So many changes are kept for an answer that does not come; then the oldest are given up. */
const mostChanges = 1000

export interface Questions<Change> {
  /**
   * Asks for the whole. `take` is given the answer, with what has changed since it was asked for; it is not where a later question was answered before.
   * @throws what `read` throws, unless a later question was answered meanwhile
   */
  readonly ask: <T>(read: () => Promise<T>, take: (whole: T, since: readonly Change[]) => void) => Promise<void>
  /** Something has changed: that is newer than whatever is being answered. */
  readonly note: (change: Change) => void
  /** No answer that is on its way is wanted any more. */
  readonly drop: () => void
}

/** Questions for the whole of something that also changes by what is heard and done meanwhile. An answer may be older than that, by however long it took. */
export function questions<Change>(): Questions<Change> {
  let asked = 0
  let answered = 0
  const open = new Set<Change[]>()
  return {
    ask: async (read, take) => {
      const turn = ++asked
      const since: Change[] = []
      open.add(since)
      try {
        const whole = await read()
        if (turn < answered) return
        answered = turn
        take(whole, since)
      } catch (error) {
        if (turn >= answered) throw error
      } finally {
        open.delete(since)
      }
    },
    note: change => {
      for (const since of open) {
        since.push(change)
        if (since.length > mostChanges) since.shift()
      }
    },
    drop: () => {
      answered = ++asked
    },
  }
}
