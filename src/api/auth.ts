import { z } from 'zod'
import { HubError } from '../errors.js'
import { hashPassword } from '../people/passwords.js'
import { logIn, logOut, ReusedToken, refresh } from '../people/sessions.js'
import { checkPassword, createUser } from '../people/users.js'
import type { Api } from './api.js'
import { audited, note } from './audited.js'
import type { ApiContext } from './context.js'
import { email, nothing, password, username } from './schemas.js'
import { cutSession, originOf } from './sessions.js'
import { user } from './users.js'

const credentials = z
  .strictObject({
    email: z.string().min(1).max(254).optional(),
    username: z.string().min(1).max(254).optional(),
    password: z.string().min(1).max(1024),
  })
  .refine(({ email, username }) => (email === undefined) !== (username === undefined), 'give either email or username')
const registration = z.strictObject({ email, username, password })
const spent = z.strictObject({ refresh_token: z.string().min(1).max(256) })
const session = z.object({
  access_token: z.string(),
  refresh_token: z
    .string()
    .describe('May be used once; for half a minute it is answered again, should the answer be lost'),
  expires_in: z.int().describe('Seconds until the access token ends'),
  user,
})
const bodyLimit = 8 * 1024

export function authRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  const { signing_keys, config } = context
  app.post(
    '/auth/register',
    {
      config: { who: 'anyone', action: 'user.register', limit: 'login' },
      bodyLimit,
      schema: { summary: 'Make an account and begin a session', body: registration, response: { 201: session } },
    },
    async (request, reply) => {
      if (config.registration === 'off') throw new HubError('forbidden', 'Registration is switched off here.')
      const { password, ...names } = request.body
      const wanted = { ...names, role: 'user' as const, password_hash: await hashPassword(password) }
      const user = await audited(
        request,
        db,
        tx => createUser(tx, wanted),
        ({ id }) => ({ target: `user/${id}` }),
      )
      return reply
        .code(201)
        .send({ ...(await logIn(db, signing_keys, { ...user, token_version: 0 }, originOf(request))), user })
    },
  )
  app.post(
    '/auth/login',
    {
      config: { who: 'anyone', action: 'session.begin', limit: 'login' },
      bodyLimit,
      schema: { summary: 'Begin a session', body: credentials, response: { 200: session } },
    },
    async request => {
      const { email, username, password } = request.body
      const { token_version, ...user } = await checkPassword(db, email ?? username ?? '', password)
      const known = { ...user, token_version }
      const tokens = await audited(request, db, tx => logIn(tx, signing_keys, known, originOf(request)), {
        target: `user/${user.id}`,
      })
      return { ...tokens, user }
    },
  )
  app.post(
    '/auth/refresh',
    {
      config: { who: 'anyone', action: 'session.refresh' },
      bodyLimit,
      schema: { summary: 'Exchange a refresh token for new tokens', body: spent, response: { 200: session } },
    },
    async request => {
      try {
        return await refresh(db, signing_keys, request.body.refresh_token, originOf(request))
      } catch (error) {
        if (error instanceof ReusedToken) {
          cutSession(context, error.session.session_id)
          await note(request, db, {
            target: `user/${error.session.user_id}`,
            detail: { reused: true, session: 'ended' },
          })
        }
        throw error
      }
    },
  )
  app.post(
    '/auth/logout',
    {
      config: { who: 'anyone', action: 'session.end' },
      bodyLimit,
      schema: { summary: 'End a session', body: spent, response: { 204: nothing('The session has ended') } },
    },
    async (request, reply) => {
      const session = await logOut(db, request.body.refresh_token)
      if (session) {
        cutSession(context, session.session_id)
        await note(request, db, { target: `user/${session.user_id}` })
      }
      return reply.code(204).send(null)
    },
  )
}
