import { z } from 'zod'
import { getUser } from '../people/users.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { personOf } from './rights.js'
import { time } from './schemas.js'

export const user = z.object({
  id: z.string(),
  email: z.string(),
  username: z.string(),
  role: z.enum(['admin', 'staff', 'user']),
  status: z.enum(['active', 'inactive']),
  created_at: time,
  updated_at: time,
})

export function userRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/users/me',
    { config: { who: 'person' }, schema: { summary: 'Who I am', response: { 200: z.object({ user }) } } },
    async request => ({ user: await getUser(db, personOf(request).id) }),
  )
}
