import type { FastifyRequest } from 'fastify'
import { type Actor, record } from '../audit/audit.js'
import { keepWrite } from '../idempotency/idempotency.js'
import type { JsonObject } from '../json.js'
import type { Db } from '../store/store.js'

/** What a change was about. */
export interface About {
  /** Kind and id, e.g. `device/abc`. */
  readonly target: string
  readonly home_id?: string | null
  /** What else should be remembered. Never a secret. */
  readonly detail?: JsonObject
}

type Asking = Pick<FastifyRequest, 'principal' | 'ip' | 'id' | 'marked'> & {
  readonly routeOptions: { readonly config: { readonly action?: string } }
}

/** Who asks, as the audit knows them. */
export function actorOf({ principal, ip, id }: Omit<Asking, 'routeOptions' | 'marked'>): Actor {
  return { kind: principal?.kind ?? 'anonymous', id: principal?.id ?? null, address: ip, request_id: id }
}

/** Does a change and writes down who did it, both or neither, under the name that the route declares. */
export function audited<Result>(
  request: Asking,
  db: Db,
  change: (tx: Db) => Promise<Result>,
  about: About | ((result: Result) => About),
): Promise<Result> {
  return db.transaction().execute(async tx => {
    const result = await change(tx)
    await note(request, tx, typeof about === 'function' ? about(result) : about)
    return result
  })
}

/** Writes down what was or is being done, where that is no one transaction; with it, that a write with an idempotency key was made. */
export async function note(request: Asking, db: Db, about: About): Promise<void> {
  const { action } = request.routeOptions.config
  if (action === undefined) throw new Error('the route does not declare what the audit calls it')
  if (request.marked) await keepWrite(db, request.marked, about)
  await record(db, { actor: actorOf(request), action, outcome: 'done', ...about })
}
