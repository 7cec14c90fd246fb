import { z } from 'zod'
import {
  createDevice,
  type DeviceChanges,
  deleteDevice,
  getDevice,
  listDevices,
  updateDevice,
} from '../devices/devices.js'
import { createKey } from '../devices/keys.js'
import { HubError } from '../errors.js'
import { defaultHomeId } from '../homes/homes.js'
import { presenceStatuses } from '../inbound.js'
import type { Principal } from '../principal.js'
import type { Db } from '../store/store.js'
import type { Api } from './api.js'
import { audited, note } from './audited.js'
import type { ApiContext } from './context.js'
import { askerOf, checkDevice, checkRight, reachOfRequest } from './rights.js'
import {
  byId,
  id,
  json,
  name,
  next_cursor,
  nothing,
  page,
  retention,
  retention_fields,
  time,
  told_retention_fields,
} from './schemas.js'

const status = z.enum(['active', 'inactive', 'maintenance'])
const place = name.nullable()
const twin_policy = z
  .enum(['last_writer', 'hub_wins'])
  .describe('Whether a change at the device itself ends the wish that it departs from, or is undone')

export const device = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  home_id: z.string(),
  room_id: z.string().nullable(),
  location: z.string().nullable(),
  status,
  connected: z.boolean(),
  presence: z.enum(presenceStatuses),
  last_seen_at: time.nullable(),
  firmware_version: z.string().nullable(),
  model: z.string().nullable(),
  twin_policy,
  retention: z.string().nullable().describe('How long its telemetry is kept; null where it is as in its home'),
  retention_fields: told_retention_fields,
  hello: json.nullable().describe('What the device last said of itself'),
  created_at: time,
  updated_at: time,
})
const one = z.object({ device })
export const withKey = z.object({ device, api_key: z.string().describe('Shown here and never again') })

const filter = z.strictObject({
  ...page,
  home_id: id.optional(),
  room_id: id.optional(),
  group_id: id.optional(),
  type: name.optional(),
  status: status.optional(),
  connected: z
    .enum(['true', 'false'])
    .transform(text => text === 'true')
    .optional(),
  q: z.string().max(128).optional().describe('Part of an id or a name, taken literally'),
})
export const newDevice = z.strictObject({
  id: id.optional(),
  name,
  type: name.default('device'),
  home_id: id.optional().describe('My only home, or the first home of all, when left out'),
  room_id: id.nullable().optional(),
  location: place.optional(),
})
const changes = z.strictObject({
  name: name.optional(),
  type: name.optional(),
  home_id: id.optional().describe('Another home of mine, into which it moves'),
  room_id: id.nullable().optional(),
  location: place.optional(),
  status: status.optional(),
  twin_policy: twin_policy.optional(),
  retention: retention.optional(),
  retention_fields: retention_fields.optional(),
})

export function deviceRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  const { key_ring } = context
  app.get(
    '/devices',
    {
      config: { who: 'reader', hears: 'presence' },
      schema: {
        summary: 'List devices',
        querystring: filter,
        response: { 200: z.object({ devices: z.array(device), next_cursor }) },
      },
    },
    async request => {
      const { rows: devices, next_cursor } = await listDevices(db, { ...request.query, reach: reachOfRequest(request) })
      return { devices, next_cursor }
    },
  )
  creationRoute(app, context)
  app.get(
    '/devices/:id',
    {
      config: { who: 'reader', hears: 'presence' },
      schema: { summary: 'Read a device', params: byId, response: { 200: one } },
    },
    async request => ({ device: checkDevice(request, await getDevice(db, request.params.id)) }),
  )
  app.patch(
    '/devices/:id',
    {
      config: { who: 'owner', action: 'device.change' },
      schema: { summary: 'Change a device', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id, home_id } = checkDevice(request, await getDevice(db, request.params.id))
      const to = request.body.home_id ?? home_id
      if (to !== home_id) checkRight(request, { home_id: to }, 'home')
      const about = { target: `device/${id}`, home_id, detail: request.body }
      const { device, from } = await audited(request, db, tx => changeIn(tx, home_id, id, request.body), about)
      key_ring.forgetDevice(id)
      if (device.status === 'inactive') context.disconnect({ device_id: id }, 'revoked')
      if (device.home_id !== from) await context.deviceMoved(device, from)
      return { device }
    },
  )
  app.delete(
    '/devices/:id',
    {
      // It goes on in steps, and asked again it is carried on where it broke off.
      config: { who: 'owner', action: 'device.delete', idempotent: 'by-itself' },
      schema: {
        summary: 'Delete a device with everything it ever said',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const { id, home_id } = checkDevice(request, await getDevice(db, request.params.id))
      await note(request, db, { target: `device/${id}`, home_id })
      const cut = () => {
        key_ring.forgetKeys()
        key_ring.forgetDevice(id)
        context.disconnect({ device_id: id }, 'revoked')
      }
      await deleteDevice(db, id, cut)
      // Again, since a key may have been made while it went on: a device of the same id is another one.
      cut()
      await context.deviceDeleted({ id, home_id })
      return reply.code(204).send(null)
    },
  )
}

/** Changes a device that is still where the right to do so was checked. */
async function changeIn(tx: Db, home_id: string, id: string, changes: DeviceChanges) {
  const changed = await updateDevice(tx, id, changes)
  if (changed.from !== home_id) throw new HubError('conflict', 'The device has just moved to another home.')
  return changed
}

function creationRoute(app: Api, context: ApiContext): void {
  app.post(
    '/devices',
    {
      config: { who: 'owner', action: 'device.create', showsSecret: true },
      schema: { summary: 'Make a device and its first key', body: newDevice, response: { 201: withKey } },
    },
    async (request, reply) => reply.code(201).send(await makeDevice(context, request, request.body)),
  )
}

/** Makes a device with its first key, where whoever asks may. */
export async function makeDevice(
  { store: { db }, key_ring }: ApiContext,
  request: Parameters<typeof audited>[0] & Parameters<typeof checkRight>[0],
  wanted: z.infer<typeof newDevice>,
) {
  const home_id = wanted.home_id ?? homeFor(askerOf(request))
  checkRight(request, { home_id }, 'home')
  const about = (made: { device: { id: string } }) => ({ target: `device/${made.device.id}`, home_id })
  const made = await audited(
    request,
    db,
    async tx => {
      const device = await createDevice(tx, { ...wanted, home_id })
      const { api_key } = await createKey(tx, device.id)
      return { device, api_key }
    },
    about,
  )
  key_ring.forgetDevice(made.device.id)
  return made
}

/** The home of somebody who has just one; else the home that is always there. */
export function homeFor(asker: Principal): string {
  const homes = asker.kind === 'person' && asker.role === 'user' ? [...asker.homes] : []
  const [only, ...more] = homes.filter(([, role]) => role === 'owner').map(([home_id]) => home_id)
  if (more.length > 0) throw new HubError('invalid_request', 'Say in which home.', ['body/home_id: is missing'])
  return only ?? defaultHomeId
}
