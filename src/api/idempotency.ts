import { createHmac } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HubError } from '../errors.js'
import { findWrite, type KeptWrite, keepAnswer, type Marked } from '../idempotency/idempotency.js'
import { may } from '../rights.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { Hidden } from './rights.js'

/** Longer answers are not kept. */
const maxBody = 64 * 1024

/**
 * A write with an `Idempotency-Key` is done once, however often it is sent: the key is committed with the change (audited.ts), and who
 * asks again gets the first answer. Routes that settle it by themselves (commands) and those of devices are left alone.
 */
export function answerOnce(app: Api, { store: { db }, log, signing_keys }: ApiContext): void {
  const underWay = new Set<string>()
  app.decorateRequest('marked', null)
  app.addHook('preHandler', async (request, reply) => {
    const { idempotent } = request.routeOptions.config
    if (idempotent === 'by-itself') {
      idempotencyKeyOf(request)
      return
    }
    const marked = markOf(request, signing_keys.current.secret)
    if (marked === null) return
    const name = `${marked.actor} ${marked.key}`
    if (underWay.has(name)) throw new HubError('conflict', 'A request with this idempotency key is under way.')
    underWay.add(name)
    reply.raw.once('close', () => underWay.delete(name))
    if (idempotent === 'in-turn') return
    const kept = await findWrite(db, marked)
    if (kept) return answerAgain(request, kept, reply)
    request.marked = marked
  })
  app.addHook('onSend', async ({ marked, routeOptions: { config } }, reply, payload) => {
    if (marked === null || reply.statusCode >= 300) return
    const body = typeof payload === 'string' ? payload : ''
    if (config.showsSecret || body.length > maxBody) return
    const etag = reply.getHeader('etag')?.toString() ?? null
    await keepAnswer(db, marked, { status: reply.statusCode, body, etag }).catch(error =>
      log.error({ err: error }, 'the answer to a request with an idempotency key could not be kept'),
    )
  })
}

/** Nobody is answered again what they may not know any more. */
function answerAgain({ principal }: FastifyRequest, kept: KeptWrite, reply: FastifyReply): FastifyReply {
  const { home_id } = kept
  if (home_id !== null && principal?.kind === 'person' && !may(principal, 'read', { home_id })) throw new Hidden('home')
  if (kept.status === null)
    throw new HubError('conflict', 'This was done already; what was answered is not known any more.', [kept.target])
  reply.code(kept.status).header('idempotent-replayed', 'true')
  if (kept.etag !== null) reply.header('etag', kept.etag)
  if (kept.body) reply.type('application/json; charset=utf-8')
  return reply.send(kept.body || null)
}

/**
 * The mark of a write that the audit knows and that somebody makes; null for everything else. Keyed, since a body may hold a
 * password.
 */
function markOf(request: FastifyRequest, secret: Uint8Array): Marked | null {
  const { principal, routeOptions, method, url, headers, body } = request
  const { action } = routeOptions.config
  if (principal === null || action === undefined) return null
  const key = idempotencyKeyOf(request)
  if (key === undefined) return null
  const fingerprint = createHmac('sha256', secret)
    .update(JSON.stringify([method, url, headers['if-match'] ?? null, body ?? null]))
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
