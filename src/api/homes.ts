import { z } from 'zod'
import { createHome, deleteHome, getHome, listHomes, updateHome } from '../homes/homes.js'
import { listAssignments, membersOf, setMember } from '../homes/members.js'
import { homesOf } from '../rights.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { askerOf, checkRight, personOf } from './rights.js'
import {
  byId,
  homeRole,
  id,
  name,
  next_cursor,
  nothing,
  page,
  retention,
  retention_fields,
  time,
  timezone,
  told_retention_fields,
} from './schemas.js'

const home = z.object({
  id: z.string(),
  name: z.string(),
  timezone: z.string().describe('IANA name'),
  retention: z.string().nullable().describe('How long telemetry is kept; null where it is as the hub is set up'),
  retention_fields: told_retention_fields,
  created_at: time,
  updated_at: time,
})
const one = z.object({ home })
const newHome = z.strictObject({ id: id.optional(), name, timezone: timezone.optional() })
const changes = z.strictObject({
  name: name.optional(),
  timezone: timezone.optional(),
  retention: retention.optional(),
  retention_fields: retention_fields.optional(),
})

export function homeRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/homes',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List homes',
        querystring: z.strictObject(page),
        response: { 200: z.object({ homes: z.array(home), next_cursor }) },
      },
    },
    async request => {
      const { rows: homes, next_cursor } = await listHomes(db, { ...request.query, homes: homesOf(askerOf(request)) })
      return { homes, next_cursor }
    },
  )
  app.post(
    '/homes',
    {
      config: { who: 'person', action: 'home.create' },
      schema: { summary: 'Make a home, of which I am the owner', body: newHome, response: { 201: one } },
    },
    async (request, reply) => {
      const { id: user_id, session_id } = personOf(request)
      const home = await audited(
        request,
        db,
        async tx => {
          const made = await createHome(tx, request.body)
          if (session_id !== null) await setMember(tx, made.id, user_id, 'owner')
          return made
        },
        made => ({ target: `home/${made.id}`, home_id: made.id }),
      )
      await context.rightsChanged([user_id])
      return reply.code(201).send({ home })
    },
  )
  app.get(
    '/assignments',
    {
      config: { who: 'person' },
      schema: {
        summary: 'The homes I belong to, and as what',
        response: {
          200: z.object({
            assignments: z.array(z.object({ home, role: homeRole, since: time })),
            next_cursor: z.null(),
          }),
        },
      },
    },
    async request => ({ assignments: await listAssignments(db, personOf(request).id), next_cursor: null }),
  )
  byIdRoutes(app, context)
}

function byIdRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/homes/:id',
    { config: { who: 'reader' }, schema: { summary: 'Read a home', params: byId, response: { 200: one } } },
    async request => {
      checkRight(request, { home_id: request.params.id }, 'home')
      return { home: await getHome(db, request.params.id) }
    },
  )
  app.patch(
    '/homes/:id',
    {
      config: { who: 'owner', action: 'home.change' },
      schema: { summary: 'Change a home', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id } = request.params
      checkRight(request, { home_id: id }, 'home')
      const about = { target: `home/${id}`, home_id: id, detail: request.body }
      return { home: await audited(request, db, tx => updateHome(tx, id, request.body), about) }
    },
  )
  app.delete(
    '/homes/:id',
    {
      config: { who: 'owner', action: 'home.delete' },
      schema: { summary: 'Delete a home that holds no devices', params: byId, response: { 204: nothing('Deleted') } },
    },
    async (request, reply) => {
      const { id } = request.params
      checkRight(request, { home_id: id }, 'home')
      const people = await audited(
        request,
        db,
        async tx => {
          const people = await membersOf(tx, id)
          await deleteHome(tx, id)
          return people
        },
        { target: `home/${id}`, home_id: id },
      )
      await Promise.all([context.rightsChanged(people), context.homeDeleted(id)])
      return reply.code(204).send(null)
    },
  )
}
