import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { createKey, listKeys, revokeKey } from '../devices/keys.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { checkHome } from './rights.js'
import { byId, id, name, nothing, time } from './schemas.js'

const key = z.object({
  id: z.string(),
  device_id: z.string(),
  name: z.string(),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  last_used_at: time.nullable(),
  use_count: z.int(),
})
const newKey = z.strictObject({
  name: name.optional(),
  expires_at: time
    .refine(at => at > Date.now(), 'lies in the past')
    .nullable()
    .optional(),
})

export function keyRoutes(app: Api, { store: { db }, disconnect }: ApiContext): void {
  app.get(
    '/devices/:id/keys',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'List the keys of a device',
        params: byId,
        response: { 200: z.object({ keys: z.array(key), next_cursor: z.null() }) },
      },
    },
    async request => {
      const { id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      return { keys: await listKeys(db, id), next_cursor: null }
    },
  )
  app.post(
    '/devices/:id/keys',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'Make a further key',
        params: byId,
        body: newKey.nullish(),
        response: { 201: z.object({ key, api_key: z.string().describe('Shown here and never again') }) },
      },
    },
    async (request, reply) => {
      const { id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      return reply.code(201).send(await createKey(db, id, request.body ?? {}))
    },
  )
  app.delete(
    '/devices/:id/keys/:key_id',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'Revoke a key and cut its sockets',
        params: z.strictObject({ id, key_id: id }),
        response: { 204: nothing('Revoked') },
      },
    },
    async (request, reply) => {
      const { id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      await revokeKey(db, id, request.params.key_id)
      disconnect({ key_id: request.params.key_id }, 'revoked')
      return reply.code(204).send(null)
    },
  )
}
