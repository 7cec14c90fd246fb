import { HubError } from '../errors.js'
import type { Query, QueryOutcome } from './statements.js'
import type { Turns } from './turns.js'

/** How long a query that is made of many statements may take, and for whom. */
export interface Patience {
  /** In milliseconds, waiting included: for all statements from now on, or for each of them. */
  readonly ms: number
  readonly deadlineFor: 'all' | 'each statement'
  /** Whose query it is: callers take turns. */
  readonly caller: string
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal
}

type Read = (query: Query) => Promise<QueryOutcome>

/** Reads in turn with the long queries of others, until the time is over: then the statement under way is waited for no longer. */
export function readPatiently(read: Read, turns: Turns, { ms, deadlineFor, caller, signal }: Patience): Read {
  const endOfAll = performance.now() + ms
  return query =>
    new Promise((resolve, reject) => {
      const end = deadlineFor === 'all' ? endOfAll : performance.now() + ms
      const over = () => reject(new HubError('query_timeout', 'The query took too long: ask for less at a time.'))
      const timer = setTimeout(over, Math.max(0, end - performance.now()))
      const inTurn = turns.take(caller, async () => {
        if (performance.now() >= end || signal?.aborted) over()
        else resolve(await read(query))
      })
      void inTurn.catch(reject).finally(() => clearTimeout(timer))
    })
}
