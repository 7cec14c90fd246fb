import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { createKey, listKeys, revokeKey } from '../devices/keys.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { checkDevice } from './rights.js'
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

export function keyRoutes(app: Api, { store: { db }, disconnect, key_ring }: ApiContext): void {
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
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      return { keys: await listKeys(db, id), next_cursor: null }
    },
  )
  app.post(
    '/devices/:id/keys',
    {
      config: { who: 'owner', action: 'key.create', showsSecret: true },
      schema: {
        summary: 'Make a further key',
        params: byId,
        body: newKey.nullish(),
        response: { 201: z.object({ key, api_key: z.string().describe('Shown here and never again') }) },
      },
    },
    async (request, reply) => {
      const { id, home_id } = checkDevice(request, await getDevice(db, request.params.id))
      const about = ({ key }: { key: { id: string } }) => ({
        target: `device/${id}`,
        home_id,
        detail: { key_id: key.id },
      })
      return reply.code(201).send(await audited(request, db, tx => createKey(tx, id, request.body ?? {}), about))
    },
  )
  app.delete(
    '/devices/:id/keys/:key_id',
    {
      config: { who: 'owner', action: 'key.revoke' },
      schema: {
        summary: 'Revoke a key and cut its sockets',
        params: z.strictObject({ id, key_id: id }),
        response: { 204: nothing('Revoked') },
      },
    },
    async (request, reply) => {
      const { id, home_id } = checkDevice(request, await getDevice(db, request.params.id))
      const { key_id } = request.params
      const about = { target: `device/${id}`, home_id, detail: { key_id } }
      await audited(request, db, tx => revokeKey(tx, id, key_id), about)
      key_ring.forgetKey(key_id)
      disconnect({ device_id: id, key_id }, 'revoked')
      return reply.code(204).send(null)
    },
  )
}
