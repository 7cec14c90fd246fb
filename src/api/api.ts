import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Marked } from '../idempotency/idempotency.js'
import type { Principal } from '../principal.js'
import type { Arrival } from './body.js'

/**
 * Who may use a route. `reader`, `member` and `owner` are rights where the thing is that is asked for, of people and of programs, which the
 * handler checks with `checkRight` once it knows the place (rights.ts); everything else is decided before the handler runs. `claimant` is an
 * owner, or somebody without a credential who shows a claim code; a `worker` is a program that may act in every home, or an administrator.
 */
export type Who =
  | 'anyone'
  | 'claimant'
  | 'device'
  | 'device or reader'
  | 'device or member'
  | 'person'
  | 'reader'
  | 'member'
  | 'owner'
  | 'staff'
  | 'worker'
  | 'admin'

/** A route as it was declared. */
export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly who: Who
  /** What the audit calls it; null for routes that change nothing. */
  readonly action: string | null
}

declare module 'fastify' {
  interface FastifyContextConfig {
    who?: Who
    /** What the audit calls a change, e.g. `device.create`. Every route that is no GET and not for devices or workers has one. */
    action?: string
    /** The topic, below the device's prefix, on which is told what this route tells: a program needs the right to hear it. */
    hears?: string
    /** A limit of its own instead of the one for changes. */
    limit?: 'login' | 'commands'
    /** The answer holds a secret, which is kept nowhere: who asks again with the same idempotency key is told only that it was done. */
    showsSecret?: true
    /** It heeds the `Idempotency-Key` itself; `in-turn` when no second request with the same key may be under way meanwhile. */
    idempotent?: 'by-itself' | 'in-turn'
  }
  interface FastifyRequest {
    /** Who asks; null on routes for anyone. */
    principal: Principal | null
    /** Watches the body on its way; null where there is none. */
    arrival: Arrival | null
    /** Set when a change was asked for with an idempotency key. */
    marked: Marked | null
  }
  interface FastifyInstance {
    /** Every route with who may use it. */
    readonly declared: readonly DeclaredRoute[]
    /** Aborted when the server begins to close: nobody is kept waiting then. */
    readonly closing: AbortSignal
    /** Counts a credential that was shown in a body and was not valid. @throws HubError `rate_limit_exceeded` */
    readonly countFailure: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  }
}

/** Fastify with schemas in zod. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>
