import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import {
  addToGroup,
  createGroup,
  deleteGroup,
  devicesOf,
  type Group,
  getGroup,
  listGroups,
  removeFromGroup,
  seesGroup,
  updateGroup,
  type Viewer,
} from '../groups/groups.js'
import { commandLine } from '../people/access-tokens.js'
import { homesOf, may } from '../rights.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { askerOf, checkDevice, Hidden } from './rights.js'
import { byId, id, name, next_cursor, nothing, page, time } from './schemas.js'

const group = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  colour: z.string().nullable(),
  user_id: z.string().nullable().describe('Who made it'),
  created_at: time,
  updated_at: time,
})
const one = z.object({ group: group.extend({ device_ids: z.array(z.string()) }) })
const description = z.string().max(1000).nullable()
const colour = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, 'is no colour like #3366ff')
  .nullable()
const newGroup = z.strictObject({ name, description: description.default(null), colour: colour.default(null) })
const inGroup = z.strictObject({ id, device_id: id })
type Request = Parameters<typeof checkDevice>[0]

/** A program sees groups as far as it may read whole homes. */
function viewerOf(request: Request): Viewer {
  const asker = askerOf(request)
  const homes = homesOf(asker)
  const reach = homes === null ? null : homes.map(home_id => ({ home_id, device_id: null }))
  return { user_id: asker.kind === 'person' ? asker.id : null, reach }
}

export function groupRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  const list = { groups: z.array(group), next_cursor }
  app.get(
    '/groups',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List groups of devices',
        querystring: z.strictObject(page),
        response: { 200: z.object(list) },
      },
    },
    async request => {
      const { rows: groups, next_cursor } = await listGroups(db, { ...request.query, viewer: viewerOf(request) })
      return { groups, next_cursor }
    },
  )
  app.get(
    '/devices/:id/groups',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'The groups that hold a device',
        params: byId,
        querystring: z.strictObject(page),
        response: { 200: z.object(list) },
      },
    },
    async request => {
      const { id: device_id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: groups, next_cursor } = await listGroups(db, {
        ...request.query,
        viewer: viewerOf(request),
        device_id,
      })
      return { groups, next_cursor }
    },
  )
  app.post(
    '/groups',
    {
      config: { who: 'person', action: 'group.create' },
      schema: { summary: 'Make a group', body: newGroup, response: { 201: one } },
    },
    async (request, reply) => {
      const { id: user_id, kind } = askerOf(request)
      const known = kind === 'person' && user_id !== commandLine ? user_id : null
      const about = ({ id }: Group) => ({ target: `group/${id}` })
      const made = await audited(request, db, tx => createGroup(tx, { ...request.body, user_id: known }), about)
      return reply.code(201).send({ group: { ...made, device_ids: [] } })
    },
  )
  byIdRoutes(app, context)
  deviceRoutes(app, context)
}

/** The group with those of its devices that whoever asks may know of. */
async function shown(db: ApiContext['store']['db'], request: Request, group: Group) {
  const asker = askerOf(request)
  const held = await devicesOf(db, group.id)
  const seen = held.filter(({ id, home_id }) => may(asker, 'read', { home_id, device_id: id }))
  return { group: { ...group, device_ids: seen.map(({ id }) => id) } }
}

/** @throws HubError `not_found`; `forbidden` when it shall be changed by somebody who did not make it */
export async function groupAt(
  db: ApiContext['store']['db'],
  request: Request,
  id: string,
  changes = false,
): Promise<Group> {
  const group = await getGroup(db, id)
  const viewer = viewerOf(request)
  if (!(await seesGroup(db, viewer, id))) throw new Hidden('group')
  const asker = askerOf(request)
  const owns = group.user_id === asker.id || (asker.kind === 'person' && asker.role === 'admin')
  if (changes && !owns) throw new HubError('forbidden', 'Only who made a group may change it.')
  return group
}

function byIdRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/groups/:id',
    { config: { who: 'reader' }, schema: { summary: 'Read a group', params: byId, response: { 200: one } } },
    async request => shown(db, request, await groupAt(db, request, request.params.id)),
  )
  app.put(
    '/groups/:id',
    {
      config: { who: 'person', action: 'group.change' },
      schema: { summary: 'Change a group', params: byId, body: newGroup, response: { 200: one } },
    },
    async request => {
      const { id } = await groupAt(db, request, request.params.id, true)
      return shown(
        db,
        request,
        await audited(request, db, tx => updateGroup(tx, id, request.body), { target: `group/${id}` }),
      )
    },
  )
  app.delete(
    '/groups/:id',
    {
      config: { who: 'person', action: 'group.delete' },
      schema: { summary: 'Delete a group; its devices stay', params: byId, response: { 204: nothing('Deleted') } },
    },
    async (request, reply) => {
      const { id } = await groupAt(db, request, request.params.id, true)
      await audited(request, db, tx => deleteGroup(tx, id), { target: `group/${id}` })
      return reply.code(204).send(null)
    },
  )
}

function deviceRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.post(
    '/groups/:id/devices/:device_id',
    {
      config: { who: 'person', action: 'group.add' },
      schema: { summary: 'Put a device into a group', params: inGroup, response: { 201: one } },
    },
    async (request, reply) => {
      const { device_id } = request.params
      const group = await groupAt(db, request, request.params.id, true)
      const { home_id } = await getDevice(db, device_id)
      if (!may(askerOf(request), 'read', { home_id, device_id })) throw new Hidden('device')
      const about = { target: `group/${group.id}`, home_id, detail: { device_id } }
      await audited(request, db, tx => addToGroup(tx, group.id, device_id), about)
      return reply.code(201).send(await shown(db, request, group))
    },
  )
  app.delete(
    '/groups/:id/devices/:device_id',
    {
      config: { who: 'person', action: 'group.remove' },
      schema: { summary: 'Take a device out of a group', params: inGroup, response: { 204: nothing('Taken out') } },
    },
    async (request, reply) => {
      const { device_id } = request.params
      const { id } = await groupAt(db, request, request.params.id, true)
      await audited(request, db, tx => removeFromGroup(tx, id, device_id), {
        target: `group/${id}`,
        detail: { device_id },
      })
      return reply.code(204).send(null)
    },
  )
}
