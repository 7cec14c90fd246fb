import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Principal } from '../principal.js'

/**
 * Who may use a route. `reader`, `member` and `owner` are rights in the home of the thing that is asked for, which the handler checks
 * with `checkHome` once it knows the home (rights.ts); everything else is decided before the handler runs.
 */
export type Who = 'anyone' | 'device' | 'person' | 'reader' | 'member' | 'owner' | 'staff' | 'admin'

/** A route as it was declared. */
export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly who: Who
}

declare module 'fastify' {
  interface FastifyContextConfig {
    who?: Who
    /** A limit of its own instead of the one for changes. */
    limit?: 'login' | 'commands'
  }
  interface FastifyRequest {
    /** Who asks; null on routes for anyone. */
    principal: Principal | null
  }
  interface FastifyInstance {
    /** Every route with who may use it. */
    readonly declared: readonly DeclaredRoute[]
    /** Aborted when the server begins to close: nobody is kept waiting then. */
    readonly closing: AbortSignal
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
