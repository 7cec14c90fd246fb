import { z } from 'zod'
import { createDevice, deleteDevice, getDevice, listDevices, updateDevice } from '../devices/devices.js'
import { createKey } from '../devices/keys.js'
import { checkHomeExists, defaultHomeId } from '../homes/homes.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { checkHome, homesOf } from './rights.js'
import { byId, id, json, name, next_cursor, nothing, page, time } from './schemas.js'

const status = z.enum(['active', 'inactive', 'maintenance'])
const place = name.nullable()

export const device = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  home_id: z.string(),
  room_id: z.string().nullable(),
  location: z.string().nullable(),
  status,
  connected: z.boolean(),
  presence: z.enum(['online', 'offline', 'sleeping']),
  last_seen_at: time.nullable(),
  firmware_version: z.string().nullable(),
  model: z.string().nullable(),
  hello: json.nullable().describe('What the device last said of itself'),
  created_at: time,
  updated_at: time,
})
const one = z.object({ device })
const withKey = z.object({ device, api_key: z.string().describe('Shown here and never again') })

const filter = z.strictObject({
  ...page,
  home_id: id.optional(),
  room_id: id.optional(),
  type: name.optional(),
  status: status.optional(),
  connected: z
    .enum(['true', 'false'])
    .transform(text => text === 'true')
    .optional(),
  q: z.string().max(128).optional().describe('Part of an id or a name, taken literally'),
})
const newDevice = z.strictObject({
  id: id.optional(),
  name,
  type: name.default('device'),
  home_id: id.default(defaultHomeId),
  room_id: id.nullable().optional(),
  location: place.optional(),
})
const changes = z.strictObject({
  name: name.optional(),
  type: name.optional(),
  room_id: id.nullable().optional(),
  location: place.optional(),
  status: status.optional(),
})

export function deviceRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/devices',
    {
      config: { who: 'person' },
      schema: {
        summary: 'List devices',
        querystring: filter,
        response: { 200: z.object({ devices: z.array(device), next_cursor }) },
      },
    },
    async request => {
      const { rows: devices, next_cursor } = await listDevices(db, { ...request.query, homes: homesOf(request) })
      return { devices, next_cursor }
    },
  )
  for (const url of ['/devices', '/devices/register']) addCreation(app, context, url)
  app.get(
    '/devices/:id',
    { config: { who: 'reader' }, schema: { summary: 'Read a device', params: byId, response: { 200: one } } },
    async request => ({ device: checkHome(request, await getDevice(db, request.params.id), 'device') }),
  )
  app.patch(
    '/devices/:id',
    {
      config: { who: 'owner' },
      schema: { summary: 'Change a device', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id: device_id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      const device = await updateDevice(db, device_id, request.body)
      if (device.status === 'inactive') context.disconnect({ device_id }, 'revoked')
      return { device }
    },
  )
  app.delete(
    '/devices/:id',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'Delete a device with everything it ever said',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const { id, home_id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      await deleteDevice(db, id, () => context.disconnect({ device_id: id }, 'revoked'))
      await context.deviceDeleted({ id, home_id })
      return reply.code(204).send(null)
    },
  )
}

function addCreation(app: Api, { store: { db } }: ApiContext, url: string): void {
  app.post(
    url,
    {
      config: { who: 'owner' },
      schema: { summary: 'Make a device and its first key', body: newDevice, response: { 201: withKey } },
    },
    async (request, reply) => {
      checkHome(request, request.body, 'home')
      const made = await db.transaction().execute(async tx => {
        await checkHomeExists(tx, request.body.home_id)
        const device = await createDevice(tx, request.body)
        const { api_key } = await createKey(tx, device.id)
        return { device, api_key }
      })
      return reply.code(201).send(made)
    },
  )
}
