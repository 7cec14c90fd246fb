import { z } from 'zod'
import { HubError } from '../errors.js'
import { hashPassword, newPassword } from '../people/passwords.js'
import { endSessions } from '../people/sessions.js'
import {
  checkPassword,
  createUser,
  deleteUser,
  getUser,
  listUsers,
  type UserChanges,
  updateUser,
} from '../people/users.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { personOf } from './rights.js'
import { byId, email, next_cursor, nothing, page, password, time, username } from './schemas.js'

const role = z.enum(['admin', 'staff', 'user'])
export const user = z.object({
  id: z.string(),
  email: z.string(),
  username: z.string(),
  role,
  status: z.enum(['active', 'inactive']),
  created_at: time,
  updated_at: time,
})
const one = z.object({ user })
const newUser = z.strictObject({
  email,
  username,
  role: role.default('user'),
  password: password.optional().describe('Made, and shown once in the answer, when left out'),
})
const whole = z.strictObject({ email, username, role, password: password.optional() })
const changes = whole.partial()
const ownChanges = z.strictObject({
  email: email.optional(),
  username: username.optional(),
  password: password.optional(),
  current_password: z.string().min(1).max(1024).describe('Asked for with every change of an account'),
})

export function userRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/users/me',
    { config: { who: 'person' }, schema: { summary: 'Who I am', response: { 200: one } } },
    async request => ({ user: await getUser(db, personOf(request).id) }),
  )
  app.patch(
    '/users/me',
    {
      config: { who: 'person', action: 'user.change', limit: 'login' },
      schema: {
        summary: 'Change my account. A new password ends my other sessions',
        body: ownChanges,
        response: { 200: one },
      },
    },
    async request => {
      const { id, session_id } = personOf(request)
      const { current_password, password, ...rest } = request.body
      const { username } = await getUser(db, id)
      await checkPassword(db, username, current_password).catch(() => {
        throw new HubError('forbidden', 'The current password is wrong.')
      })
      return { user: await change(context, request, id, { ...rest, ...(await hashed(password)) }, session_id) }
    },
  )
  app.get(
    '/users',
    {
      config: { who: 'admin' },
      schema: {
        summary: 'List people',
        querystring: z.strictObject({ ...page, role: role.optional() }),
        response: { 200: z.object({ users: z.array(user), next_cursor }) },
      },
    },
    async request => {
      const { rows: users, next_cursor } = await listUsers(db, request.query)
      return { users, next_cursor }
    },
  )
  app.post(
    '/users',
    {
      config: { who: 'admin', action: 'user.create', showsSecret: true },
      schema: {
        summary: 'Make an account',
        body: newUser,
        response: { 201: z.object({ user, password: z.string().optional().describe('Shown here and never again') }) },
      },
    },
    async (request, reply) => {
      const { password: given, ...names } = request.body
      const password = given ?? newPassword()
      const wanted = { ...names, password_hash: await hashPassword(password) }
      const about = (made: { id: string }) => ({ target: `user/${made.id}`, detail: { role: names.role } })
      const user = await audited(request, db, tx => createUser(tx, wanted), about)
      return reply.code(201).send({ user, ...(given === undefined ? { password } : {}) })
    },
  )
  byIdRoutes(app, context)
}

function byIdRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/users/:id',
    { config: { who: 'admin' }, schema: { summary: 'Read an account', params: byId, response: { 200: one } } },
    async request => ({ user: await getUser(db, request.params.id) }),
  )
  for (const [method, body] of [
    ['PUT', whole],
    ['PATCH', changes],
  ] as const) {
    app.route({
      method,
      url: '/users/:id',
      config: { who: 'admin', action: 'user.change' },
      schema: {
        summary: method === 'PUT' ? 'Replace what an account says' : 'Change an account',
        params: byId,
        body,
        response: { 200: one },
      },
      handler: async request => {
        const { password, ...rest } = request.body
        return { user: await change(context, request, request.params.id, { ...rest, ...(await hashed(password)) }) }
      },
    })
  }
  for (const [word, status] of [
    ['deactivate', 'inactive'],
    ['activate', 'active'],
  ] as const) {
    app.patch(
      `/users/:id/${word}`,
      {
        config: { who: 'admin', action: `user.${word}` },
        schema: {
          summary: word === 'activate' ? 'Let somebody in again' : 'Let somebody in no more',
          params: byId,
          response: { 200: one },
        },
      },
      async request => ({ user: await change(context, request, request.params.id, { status }) }),
    )
  }
  app.delete(
    '/users/:id',
    {
      config: { who: 'admin', action: 'user.delete' },
      schema: { summary: 'Delete an account', params: byId, response: { 204: nothing('Deleted') } },
    },
    async (request, reply) => {
      const { id } = request.params
      await audited(request, db, tx => deleteUser(tx, id), { target: `user/${id}` })
      ended(context, id)
      return reply.code(204).send(null)
    },
  )
}

type Request = Parameters<typeof audited>[0]

const hashed = async (password: string | undefined) =>
  password === undefined ? {} : { password_hash: await hashPassword(password) }

/** Changes an account, and ends what its old self could do: where its sessions go on, with new access tokens. */
async function change(
  context: ApiContext,
  request: Request,
  id: string,
  changes: UserChanges,
  keep_session: string | null = null,
) {
  const { password_hash, role, status, ...shown } = changes
  const detail = {
    ...shown,
    ...(role ? { role } : {}),
    ...(status ? { status } : {}),
    ...(password_hash ? { password: true } : {}),
  }
  const user = await audited(
    request,
    context.store.db,
    async tx => {
      if (password_hash !== undefined || status === 'inactive') await endSessions(tx, id, keep_session)
      return updateUser(tx, id, changes)
    },
    { target: `user/${id}`, detail },
  )
  if (password_hash !== undefined || role !== undefined || status !== undefined) ended(context, id)
  return user
}

/** Access tokens and connections that were given out before are no longer good. */
function ended({ directory, disconnect }: ApiContext, user_id: string): void {
  directory.forgetPerson(user_id)
  directory.forgetSessions()
  disconnect({ user_id }, 'revoked')
}
