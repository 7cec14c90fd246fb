/**
 * Lets at most so many pieces of long work be under way; the rest wait. Callers take turns, however much each of them wants: who asks for
 * one thing waits for one piece of everybody else's, not for all of it.
 */
export class Turns {
  readonly #most: number
  /** Those who wait, by caller; whose turn is next comes first. What a caller asks at once is bounded by the requests under way. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #underWay = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Does the work when it is the caller's turn. Settles with it. */
  async take<Result>(caller: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay < this.#most) this.#underWay++
    else await this.#wait(caller)
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #wait(caller: string): Promise<void> {
    return new Promise(resolve => {
      const queue = this.#waiting.get(caller)
      if (queue) queue.push(resolve)
      else this.#waiting.set(caller, [resolve])
    })
  }

  /** Hands the place on; a caller who wants more goes to the end. */
  #next(): void {
    const [first] = this.#waiting
    if (!first) {
      this.#underWay--
      return
    }
    const [caller, queue] = first
    const resume = queue.shift()
    this.#waiting.delete(caller)
    if (queue.length > 0) this.#waiting.set(caller, queue)
    resume?.()
  }
}
