import { z } from 'zod'
import { HubError } from '../errors.js'
import { listMembers, removeMember, setMember } from '../homes/members.js'
import { findUser } from '../people/users.js'
import { may } from '../rights.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { askerOf, checkRight } from './rights.js'
import { byId, homeRole, id, nothing, time } from './schemas.js'

const member = z.object({
  user_id: z.string(),
  username: z.string(),
  role: homeRole,
  created_at: time,
})
const one = z.object({ member })
const byUser = z.strictObject({ id, user_id: id })

/** Who belongs to a home, and as what. */
export function memberRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  const set = async (
    request: Parameters<typeof audited>[0],
    home_id: string,
    user_id: string,
    role: z.infer<typeof homeRole>,
  ) => {
    const about = { target: `user/${user_id}`, home_id, detail: { role } }
    const member = await audited(request, db, tx => setMember(tx, home_id, user_id, role), about)
    await context.rightsChanged([user_id])
    return { member }
  }
  app.get(
    '/homes/:id/members',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List the people of a home',
        params: byId,
        response: { 200: z.object({ members: z.array(member), next_cursor: z.null() }) },
      },
    },
    async request => {
      checkRight(request, { home_id: request.params.id }, 'home')
      return { members: await listMembers(db, request.params.id), next_cursor: null }
    },
  )
  app.post(
    '/homes/:id/members',
    {
      config: { who: 'owner', action: 'member.set' },
      schema: {
        summary: 'Make somebody a member by e-mail address or user name',
        params: byId,
        body: z.strictObject({ login: z.string().min(1).max(254), role: homeRole }),
        response: { 201: one },
      },
    },
    async (request, reply) => {
      checkRight(request, { home_id: request.params.id }, 'home')
      const { login, role } = request.body
      const { id: user_id } = await findUser(db, login)
      return reply.code(201).send(await set(request, request.params.id, user_id, role))
    },
  )
  app.put(
    '/homes/:id/members/:user_id',
    {
      config: { who: 'owner', action: 'member.set' },
      schema: {
        summary: 'Make somebody a member, or change as what',
        params: byUser,
        body: z.strictObject({ role: homeRole }),
        response: { 200: one },
      },
    },
    async request => {
      const { id, user_id } = request.params
      checkRight(request, { home_id: id }, 'home')
      return set(request, id, user_id, request.body.role)
    },
  )
  app.delete(
    '/homes/:id/members/:user_id',
    {
      config: { who: 'reader', action: 'member.remove' },
      schema: {
        summary: 'Take somebody out of a home, as its owner, or leave it',
        params: byUser,
        response: { 204: nothing('Removed') },
      },
    },
    async (request, reply) => {
      const { id: home_id, user_id } = request.params
      checkRight(request, { home_id }, 'home')
      const asker = askerOf(request)
      if (asker.id !== user_id && !may(asker, 'own', { home_id }))
        throw new HubError('forbidden', 'You may not do this in this home.')
      await audited(request, db, tx => removeMember(tx, home_id, user_id), { target: `user/${user_id}`, home_id })
      await context.rightsChanged([user_id])
      return reply.code(204).send(null)
    },
  )
}
