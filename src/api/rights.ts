import { HubError, notFound } from '../errors.js'
import { authenticateToken } from '../people/tokens.js'
import { type DevicePrincipal, mayReadHome, type PersonPrincipal, type Principal } from '../principal.js'
import type { Api, Who } from './api.js'
import type { ApiContext } from './context.js'
import { createLimits } from './limits.js'

/** What of a request says who asks, and for which right. */
interface Asking {
  readonly principal: Principal | null
  readonly routeOptions: { readonly config: { readonly who?: Who } }
}

interface Credentials {
  readonly headers: {
    readonly authorization?: string | undefined
    readonly 'x-api-key'?: string | string[] | undefined
  }
}

/** Finds out who asks, from the credential alone (D5), and refuses whom the route is not for and who asks too often. */
export function guardRoutes(app: Api, context: ApiContext): void {
  const limits = createLimits(app, context.config)
  app.decorateRequest('principal', null)
  app.addHook('onRequest', async (request, reply) => {
    if (app.closing.aborted) throw new HubError('shutting_down', 'The hub is shutting down.')
    const who = request.is404 ? 'anyone' : request.routeOptions.config.who
    if (who !== 'anyone') {
      await limits.refuseFlood(request, reply)
      try {
        request.principal = await authenticate(context, who, request)
      } catch (error) {
        await limits.countFailure(request, reply)
        throw error
      }
    }
    await limits.count(request, reply)
  })
}

async function authenticate(context: ApiContext, who: Who | undefined, { headers }: Credentials): Promise<Principal> {
  if (who === 'device') {
    const key = headers['x-api-key']
    if (typeof key !== 'string') throw new HubError('unauthorized', 'This takes the API key of a device (X-API-Key).')
    return context.authenticateDevice(key)
  }
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) throw new HubError('unauthorized', 'This takes an access token (Authorization: Bearer).')
  const person = await authenticateToken(context.signing_key, token)
  const admitted =
    who === 'admin' ? person.role === 'admin' : who === 'staff' ? person.role !== 'user' : who !== undefined
  if (!admitted) throw new HubError('forbidden', 'You may not do this.')
  return person
}

/** The person who asks, on a route for people. */
export function personOf({ principal }: Asking): PersonPrincipal {
  if (principal?.kind !== 'person') throw new Error('a route for people was entered by nobody')
  return principal
}

/** The device that asks, on a route for devices. */
export function deviceOf({ principal }: Asking): DevicePrincipal {
  if (principal?.kind !== 'device') throw new Error('a route for devices was entered by none')
  return principal
}

/** The homes whose things a person may see in lists; null for all. */
export function homesOf(request: Asking): readonly string[] | null {
  const person = personOf(request)
  return person.role === 'user' ? person.homes : null
}

/**
 * Checks the right that the route declares in the home where a thing is. Another home's things do not exist.
 * @param what the thing, e.g. `device`
 * @returns the thing
 * @throws HubError `not_found`, `forbidden`
 */
export function checkHome<Thing extends { readonly home_id: string }>(
  request: Asking,
  thing: Thing,
  what: string,
): Thing {
  const person = personOf(request)
  if (!mayReadHome(person, thing.home_id)) throw notFound(what)
  if (!mayInHome(person, request.routeOptions.config.who))
    throw new HubError('forbidden', 'You may not do this in this home.')
  return thing
}

/** Staff read every home and change none. Until people have homes of their own, nobody but an administrator owns one. */
function mayInHome({ role }: PersonPrincipal, right: Who | undefined): boolean {
  if (role === 'admin') return true
  return right === 'reader' || (right === 'member' && role === 'user')
}
