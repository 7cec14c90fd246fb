import { z } from 'zod'
import { logIn, logOut, refresh } from '../people/tokens.js'
import { checkPassword } from '../people/users.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { nothing } from './schemas.js'
import { user } from './users.js'

const credentials = z
  .strictObject({
    email: z.string().min(1).max(254).optional(),
    username: z.string().min(1).max(254).optional(),
    password: z.string().min(1).max(1024),
  })
  .refine(({ email, username }) => (email === undefined) !== (username === undefined), 'give either email or username')
const spent = z.strictObject({ refresh_token: z.string().min(1).max(256) })
const session = z.object({
  access_token: z.string(),
  refresh_token: z.string().describe('May be used once'),
  expires_in: z.int().describe('Seconds until the access token ends'),
  user,
})
const bodyLimit = 8 * 1024

export function authRoutes(app: Api, { store: { db }, signing_key }: ApiContext): void {
  app.post(
    '/auth/login',
    {
      config: { who: 'anyone', limit: 'login' },
      bodyLimit,
      schema: { summary: 'Begin a session', body: credentials, response: { 200: session } },
    },
    async ({ body: { email, username, password } }) => {
      const user = await checkPassword(db, email ?? username ?? '', password)
      return { ...(await logIn(db, signing_key, user)), user }
    },
  )
  app.post(
    '/auth/refresh',
    {
      config: { who: 'anyone' },
      bodyLimit,
      schema: { summary: 'Exchange a refresh token for new tokens', body: spent, response: { 200: session } },
    },
    ({ body }) => refresh(db, signing_key, body.refresh_token),
  )
  app.post(
    '/auth/logout',
    {
      config: { who: 'anyone' },
      bodyLimit,
      schema: { summary: 'End a session', body: spent, response: { 204: nothing('The session has ended') } },
    },
    async ({ body }, reply) => {
      await logOut(db, body.refresh_token)
      return reply.code(204).send(null)
    },
  )
}
