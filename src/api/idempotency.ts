import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HubError } from '../errors.js'
import { findWrite, keepAnswer, type Marked } from '../idempotency/idempotency.js'
import type { Db } from '../store/store.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

/** Longer answers are not kept. */
const maxBody = 64 * 1024

/**
 * A write with an `Idempotency-Key` is done once, however often it is sent: the key is committed with the change (audited.ts), and who
 * asks again gets the first answer. Routes that settle it by themselves (commands) and those of devices are left alone.
 */
export function answerOnce(app: Api, { store: { db }, log }: ApiContext): void {
  const underWay = new Set<string>()
  app.decorateRequest('marked', null)
  app.addHook('preHandler', async (request, reply) => {
    const marked = markOf(request)
    if (marked === null) return
    const name = `${marked.actor} ${marked.key}`
    if (underWay.has(name)) throw new HubError('conflict', 'A request with this idempotency key is under way.')
    underWay.add(name)
    reply.raw.once('close', () => underWay.delete(name))
    if (await answerAgain(db, marked, reply)) return reply
    request.marked = marked
  })
  app.addHook('onSend', async ({ marked, routeOptions: { config } }, reply, payload) => {
    if (marked === null || reply.statusCode >= 300) return
    const text = typeof payload === 'string' ? payload : ''
    if (config.showsSecret || text.length > maxBody) return
    await keepAnswer(db, marked, reply.statusCode, text).catch(error =>
      log.error({ err: error }, 'the answer to a request with an idempotency key could not be kept'),
    )
  })
}

async function answerAgain(db: Db, marked: Marked, reply: FastifyReply): Promise<boolean> {
  const kept = await findWrite(db, marked)
  if (!kept) return false
  if (kept.status === null)
    throw new HubError('conflict', 'This was done already; what was answered is not known any more.', [kept.target])
  reply.code(kept.status).header('idempotent-replayed', 'true')
  if (kept.body) reply.type('application/json; charset=utf-8')
  reply.send(kept.body || null)
  return true
}

/** The mark of a write that the audit knows and that somebody makes; null for everything else. */
function markOf(request: FastifyRequest): Marked | null {
  const { principal, routeOptions, method, url, body } = request
  const { action, idempotent } = routeOptions.config
  if (principal === null || action === undefined || idempotent === 'by-itself') return null
  const key = idempotencyKeyOf(request)
  if (key === undefined) return null
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([method, url, body ?? null]))
    .digest('base64url')
  return { actor: `${principal.kind}/${principal.id}`, key, fingerprint }
}

/** @throws HubError `invalid_request` when it is none */
export function idempotencyKeyOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && /^[\x21-\x7e]{1,128}$/.test(key)) return key
  throw new HubError('invalid_request', 'The Idempotency-Key is not 1 to 128 printable characters without spaces.')
}
