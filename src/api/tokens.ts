import { z } from 'zod'
import { createServiceToken, listServiceTokens, revokeServiceToken } from '../people/service-tokens.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { personOf } from './rights.js'
import { byId, name, next_cursor, nothing, page, time, topicFilter } from './schemas.js'

const api = z.enum(['read', 'write', 'none'])
const token = z.object({
  id: z.string(),
  name: z.string(),
  publish: z.array(z.string()),
  subscribe: z.array(z.string()),
  api,
  created_by: z.string(),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  last_used_at: time.nullable(),
  use_count: z.int(),
})
const filters = z.array(topicFilter).max(100).default([])
const newToken = z.strictObject({
  name,
  publish: filters.describe('Topic filters to publish to, e.g. `homes/home/#`'),
  subscribe: filters.describe('Topic filters to hear, and to read over HTTP'),
  api: api.default('none').describe('What it may do over HTTP, within its topic filters'),
  expires_at: time
    .refine(at => at > Date.now(), 'lies in the past')
    .nullable()
    .default(null),
})

/** Tokens for programs: Home Assistant, Node-RED, scripts. */
export function tokenRoutes(app: Api, { store: { db }, directory, disconnect }: ApiContext): void {
  app.get(
    '/tokens',
    {
      config: { who: 'admin' },
      schema: {
        summary: 'List service tokens',
        querystring: z.strictObject(page),
        response: { 200: z.object({ tokens: z.array(token), next_cursor }) },
      },
    },
    async request => {
      const { rows: tokens, next_cursor } = await listServiceTokens(db, request.query)
      return { tokens, next_cursor }
    },
  )
  app.post(
    '/tokens',
    {
      config: { who: 'admin', action: 'token.create', showsSecret: true },
      schema: {
        summary: 'Make a service token',
        body: newToken,
        response: { 201: z.object({ token, secret: z.string().describe('Shown here and never again') }) },
      },
    },
    async (request, reply) => {
      const wanted = { ...request.body, created_by: personOf(request).id }
      const { name, publish, subscribe, api } = wanted
      const about = (made: { token: { id: string } }) => {
        return { target: `token/${made.token.id}`, detail: { name, publish, subscribe, api } }
      }
      return reply.code(201).send(await audited(request, db, tx => createServiceToken(tx, wanted), about))
    },
  )
  app.delete(
    '/tokens/:id',
    {
      config: { who: 'admin', action: 'token.revoke' },
      schema: {
        summary: 'Revoke a service token and cut its connections',
        params: byId,
        response: { 204: nothing('Revoked') },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await audited(request, db, tx => revokeServiceToken(tx, id), { target: `token/${id}` })
      directory.forgetServices()
      disconnect({ token_id: id }, 'revoked')
      return reply.code(204).send(null)
    },
  )
}
