import { z } from 'zod'
import type { Api } from './api.js'
import { note } from './audited.js'
import type { ApiContext } from './context.js'

/** The keys that access tokens are signed with. */
export function signingKeyRoutes(app: Api, { store: { db }, signing_keys }: ApiContext): void {
  app.post(
    '/admin/signing-keys',
    {
      config: { who: 'admin', action: 'signing_key.rotate' },
      schema: {
        summary: 'Sign access tokens with a new key from now on; those that were signed before are good until they end',
        response: { 201: z.object({ kid: z.string() }) },
      },
    },
    async (request, reply) => {
      const kid = await signing_keys.rotate(Date.now())
      await note(request, db, { target: `signing_key/${kid}` })
      return reply.code(201).send({ kid })
    },
  )
}
