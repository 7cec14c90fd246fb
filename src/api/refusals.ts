import { type ErrorCode, HubError } from '../errors.js'
import type { Api } from './api.js'
import { actorOf } from './audited.js'
import type { ApiContext } from './context.js'
import { Hidden } from './rights.js'

const refused: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'forbidden'])

/** Every refusal of rights goes to the audit, and every answer says under which id. */
export function noteRefusals(app: Api, { refusals }: ApiContext): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onError', async (request, _, error) => {
    const isRefusal = (error instanceof HubError && refused.has(error.code)) || error instanceof Hidden
    if (!isRefusal) return
    const { method, routeOptions, url } = request
    const action = routeOptions.config.action ?? `${method} ${routeOptions.url ?? ''}`
    refusals.note({ actor: actorOf(request), action, target: url.split('?', 1)[0] ?? null })
  })
}
