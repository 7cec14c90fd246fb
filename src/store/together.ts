import { errorOf, type Failure } from './failure.js'
import type { Query, QueryOutcome } from './statements.js'

interface Waiting<Answer> {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** Gathers the statements that are asked for in one turn: the writer's thread takes a while to wake, so they go there in one message. */
export class Together {
  readonly #post: (statements: readonly Query[]) => Promise<readonly (QueryOutcome | Failure)[]>
  #waiting: (Waiting<QueryOutcome> & { readonly query: Query })[] = []

  constructor(post: (statements: readonly Query[]) => Promise<readonly (QueryOutcome | Failure)[]>) {
    this.#post = post
  }

  run(query: Query): Promise<QueryOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ query, resolve, reject }) === 1) setImmediate(() => this.#send())
    })
  }

  #send(): void {
    const waiting = this.#waiting.splice(0)
    this.#post(waiting.map(({ query }) => query)).then(
      outcomes => {
        for (const [i, one] of waiting.entries()) settle(one, outcomes[i])
      },
      error => {
        for (const one of waiting) one.reject(error)
      },
    )
  }
}

export function settle<Answer extends QueryOutcome | readonly QueryOutcome[]>(
  { resolve, reject }: Waiting<Answer>,
  outcome: Answer | Failure | undefined,
): void {
  if (outcome === undefined) reject(errorOf({ code: 'ERROR', message: 'no answer' }))
  else if ('message' in outcome) reject(errorOf(outcome))
  else resolve(outcome)
}
