import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { endOwnSession, endSessions, listSessions, type Origin } from '../people/sessions.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { personOf } from './rights.js'
import { byId, next_cursor, nothing, page, time } from './schemas.js'

const session = z.object({
  id: z.string(),
  created_at: time,
  last_used_at: time.describe('When its tokens were last exchanged, which whoever uses it does every 15 minutes'),
  expires_at: time.describe('When it ends unless it is used before'),
  address: z.string().nullable().describe('From where that was; null of a session older than this'),
  user_agent: z.string().nullable().describe('By which program, in its own words'),
  current: z.boolean().describe('Whether it is the one that asks'),
})

const longestAgent = 256

/** From where a request came, and by which program. */
export function originOf({ ip, headers }: Pick<FastifyRequest, 'ip' | 'headers'>): Origin {
  return { address: ip, user_agent: headers['user-agent']?.slice(0, longestAgent) ?? null }
}

/** A session has ended: its access tokens and its MQTT connections end with it. */
export function cutSession({ directory, disconnect }: ApiContext, session_id: string): void {
  directory.forgetSession(session_id)
  disconnect({ session_id }, 'revoked')
}

/** Where somebody is signed in. */
export function sessionRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/users/me/sessions',
    {
      config: { who: 'person' },
      schema: {
        summary: 'List my sessions: where I am signed in, the newest first',
        querystring: z.strictObject(page),
        response: { 200: z.object({ sessions: z.array(session), next_cursor }) },
      },
    },
    async request => {
      const { id: user_id, session_id } = personOf(request)
      const { rows, next_cursor } = await listSessions(db, { ...request.query, user_id }, Date.now())
      return { sessions: rows.map(row => ({ ...row, current: row.id === session_id })), next_cursor }
    },
  )
  app.delete(
    '/users/me/sessions',
    {
      config: { who: 'person', action: 'session.end_others' },
      schema: {
        summary: 'End all my sessions but the one that asks',
        response: { 200: z.object({ ended: z.int().describe('How many') }) },
      },
    },
    async request => {
      const { id: user_id, session_id } = personOf(request)
      const about = (ended: string[]) => ({ target: `user/${user_id}`, detail: { sessions: ended.length } })
      const ended = await audited(request, db, tx => endSessions(tx, user_id, session_id), about)
      for (const one of ended) cutSession(context, one)
      return { ended: ended.length }
    },
  )
  app.delete(
    '/users/me/sessions/:id',
    {
      config: { who: 'person', action: 'session.end' },
      schema: {
        summary: 'End one of my sessions, and cut its connections',
        params: byId,
        response: { 204: nothing('It has ended') },
      },
    },
    async (request, reply) => {
      const { id: user_id } = personOf(request)
      const session_id = request.params.id
      const about = { target: `user/${user_id}`, detail: { session_id } }
      await audited(request, db, tx => endOwnSession(tx, { session_id, user_id }), about)
      cutSession(context, session_id)
      return reply.code(204).send(null)
    },
  )
}
