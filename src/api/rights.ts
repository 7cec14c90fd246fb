import type { FastifyReply, FastifyRequest } from 'fastify'
import { HubError, notFound } from '../errors.js'
import { looksLikeServiceToken } from '../people/service-tokens.js'
import type { DevicePrincipal, PersonPrincipal, Principal, ServicePrincipal } from '../principal.js'
import { homesOf, may, mayEverywhere, type Place, type Reach, type Right, reachOf } from '../rights.js'
import type { Api, Who } from './api.js'
import type { ApiContext } from './context.js'
import { createLimits } from './limits.js'

/** What of a request says who asks, and for which right. */
export type Asking = Pick<FastifyRequest, 'principal'> & {
  readonly routeOptions: { readonly config: { readonly who?: Who; readonly hears?: string } }
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
  app.decorate('countFailure', (request: FastifyRequest, reply: FastifyReply) => limits.countFailure(request, reply))
  app.addHook('onRequest', async (request, reply) => {
    if (app.closing.aborted) throw new HubError('shutting_down', 'The hub is shutting down.')
    const who = request.is404 ? 'anyone' : request.routeOptions.config.who
    if (who !== undefined && who !== 'anyone') {
      await limits.refuseFlood(request, reply)
      try {
        request.principal = await authenticate(context, who, request)
      } catch (error) {
        await limits.countFailure(request, reply)
        throw error
      }
      if (!admits[who](request.principal)) throw new HubError('forbidden', 'You may not do this.')
    }
    await limits.count(request, reply)
  })
}

async function authenticate(
  { key_ring, directory }: ApiContext,
  who: Who,
  { headers }: Credentials,
): Promise<Principal | null> {
  const key = headers['x-api-key']
  if (who === 'device' || (who.startsWith('device or') && key !== undefined)) {
    if (typeof key !== 'string') throw new HubError('unauthorized', 'This takes the API key of a device (X-API-Key).')
    return key_ring.authenticate(key)
  }
  if (who === 'claimant' && headers.authorization === undefined) return null
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) throw new HubError('unauthorized', 'This takes an access token (Authorization: Bearer).')
  return looksLikeServiceToken(token) ? directory.authenticateService(token) : directory.authenticatePerson(token)
}

const isPerson = (principal: Principal | null) => principal?.kind === 'person'
/** A program needs the right to read over HTTP for what readers do, and to write for the rest. */
const isPersonOr = (apis: readonly ServicePrincipal['api'][]) => (principal: Principal | null) =>
  isPerson(principal) || (principal?.kind === 'service' && apis.includes(principal.api))

/** Whom a route lets in at all. */
const admits: Readonly<Record<Exclude<Who, 'anyone'>, (principal: Principal | null) => boolean>> = {
  device: principal => principal?.kind === 'device',
  'device or reader': principal => principal?.kind === 'device' || admits.reader(principal),
  'device or member': principal => principal?.kind === 'device' || admits.member(principal),
  claimant: principal => principal === null || isPersonOr(['write'])(principal),
  person: isPerson,
  reader: isPersonOr(['read', 'write']),
  member: isPersonOr(['write']),
  owner: isPersonOr(['write']),
  staff: principal => principal?.kind === 'person' && principal.role !== 'user',
  worker: principal => admits.admin(principal) || (principal !== null && mayEverywhere(principal)),
  admin: principal => principal?.kind === 'person' && principal.role === 'admin',
}

/** The person who asks, on a route for people. */
export function personOf({ principal }: Pick<Asking, 'principal'>): PersonPrincipal {
  if (principal?.kind !== 'person') throw new Error('a route for people was entered by nobody')
  return principal
}

/** The device that asks, on a route for devices. */
export function deviceOf({ principal }: Pick<Asking, 'principal'>): DevicePrincipal {
  if (principal?.kind !== 'device') throw new Error('a route for devices was entered by none')
  return principal
}

/** Whoever asks, on a route that is not for anyone. */
export function askerOf({ principal }: Pick<Asking, 'principal'>): Principal {
  if (principal === null) throw new Error('a route with a principal was entered by nobody')
  return principal
}

/** Where the things of a list may be. */
export const reachOfRequest = (request: Asking): Reach =>
  reachOf(askerOf(request), request.routeOptions.config.hears ?? 'presence')

/** Something is there that whoever asks may not know of: told as `not_found`, and written down as a refusal. */
export class Hidden extends HubError {
  constructor(what: string) {
    super('not_found', notFound(what).message)
  }
}

const rightOf: Readonly<Partial<Record<Who, Right>>> = {
  reader: 'read',
  'device or reader': 'read',
  member: 'command',
  'device or member': 'command',
  owner: 'own',
  claimant: 'own',
}

/**
 * Checks the right that the route declares where a thing is. Another home's things do not exist.
 * @param what the thing, e.g. `home`
 * @throws HubError `not_found`, `forbidden`
 */
export function checkRight(request: Asking, place: Place, what: string): void {
  const principal = askerOf(request)
  const { who = 'admin', hears } = request.routeOptions.config
  const right = rightOf[who]
  if (right === undefined) throw new Error(`the route is for ${who}, which is no right in a home`)
  const heard = hears === undefined ? place : { rest: hears, ...place }
  if (!may(principal, 'read', heard)) throw new Hidden(what)
  // A device is let in only where it may do something for itself.
  if (principal.kind !== 'device' && !may(principal, right, heard))
    throw new HubError('forbidden', 'You may not do this in this home.')
}

/** The same for a device. @returns it */
export function checkDevice<Device extends { readonly id: string; readonly home_id: string }>(
  request: Asking,
  device: Device,
): Device {
  checkRight(request, { home_id: device.home_id, device_id: device.id }, 'device')
  return device
}

/** The homes whose settings whoever asks may see: the one asked for, or all. @throws HubError `not_found`, `forbidden` */
export function ownHomes(request: Asking, home_id: string | undefined): readonly string[] | null {
  if (home_id === undefined) return homesOf(askerOf(request), 'own')
  checkRight(request, { home_id }, 'home')
  return [home_id]
}
