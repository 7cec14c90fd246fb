import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config/config.js'
import { HubError } from '../errors.js'
import type { Api } from './api.js'

type Limiter = ReturnType<Api['createRateLimit']> | null

const minute = 60_000
const second = 1000
/** Speakers that are remembered for each limit; beyond that the one not heard for longest is forgotten. */
const remembered = 20_000

/** The address of the peer, of IPv6 the /64 network, because one customer has that many addresses. */
const address = (request: FastifyRequest) => normalizeIP(request.ip)
const speaker = (request: FastifyRequest) =>
  request.principal ? `${request.principal.kind} ${request.principal.id}` : address(request)

/** Counts requests: people by who they are, devices likewise, everybody else by address. */
export function createLimits(app: Api, config: Config) {
  const limiter = (max: number, timeWindow: number, keyGenerator = speaker): Limiter => {
    const options = { max: Math.ceil(max), timeWindow, keyGenerator, cache: remembered }
    return max === 0 ? null : app.createRateLimit(options)
  }
  const api = limiter(config.limit_api, minute)
  const failures = limiter(config.limit_api, minute, address)
  const device = limiter(config.limit_device_messages, second)
  const login = limiter(config.limit_login, minute, address)
  const commands = limiter(config.limit_commands, minute)
  const updates = limiter(config.limit_updates, minute)

  const special = ({ principal, method, routeOptions: { config } }: FastifyRequest): Limiter => {
    if (config.limit === 'login') return login
    if (
      principal === null ||
      principal.kind === 'device' ||
      config.who === 'worker' ||
      method === 'GET' ||
      method === 'HEAD'
    )
      return null
    return config.limit === 'commands' ? commands : updates
  }
  return {
    /** Refuses an address that has failed too often, before its credential is looked at. Counts nothing. */
    refuseFlood: (request: FastifyRequest, reply: FastifyReply) => refuse(failures, request, reply, false),
    /** Counts a credential that was not valid. @throws HubError `rate_limit_exceeded` */
    countFailure: (request: FastifyRequest, reply: FastifyReply) => refuse(failures, request, reply),
    /** Counts a request under every limit that holds for it. @throws HubError `rate_limit_exceeded` */
    count: async (request: FastifyRequest, reply: FastifyReply) => {
      await refuse(request.principal?.kind === 'device' ? device : api, request, reply)
      if (!request.is404) await refuse(special(request), request, reply)
    },
  }
}

async function refuse(limiter: Limiter, request: FastifyRequest, reply: FastifyReply, increment = true): Promise<void> {
  const state = await limiter?.(request, { increment })
  if (!state || state.isAllowed) return
  const exhausted = increment ? state.isExceeded : state.remaining === 0
  if (!exhausted) return
  reply.header('retry-after', Math.max(1, state.ttlInSeconds))
  throw new HubError('rate_limit_exceeded', 'Too many requests, slow down.')
}
