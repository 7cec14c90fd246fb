import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Db } from '../store/store.js'
import type { ApiContext } from './context.js'
import { askerOf } from './rights.js'

/**
 * What a route reads with that may read long: with a deadline, in turn with other callers, and no longer than somebody waits for it.
 * @param deadlineFor an export takes as long as its reader, so that there each statement has the time to itself
 */
export function longQuery(
  { store, config }: Pick<ApiContext, 'store' | 'config'>,
  request: Pick<FastifyRequest, 'principal'>,
  { raw }: Pick<FastifyReply, 'raw'>,
  deadlineFor: 'all' | 'each statement' = 'all',
): Db {
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  const { kind, id } = askerOf(request)
  return store.within({ ms: config.query_seconds * 1000, deadlineFor, caller: `${kind} ${id}`, signal: gone.signal })
}
