import { z } from 'zod'
import { createRoom, deleteRoom, getRoom, listRooms, updateRoom } from '../homes/rooms.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { checkRight } from './rights.js'
import { byId, name, nothing, time } from './schemas.js'

const room = z.object({ id: z.string(), home_id: z.string(), name: z.string(), created_at: time, updated_at: time })
const one = z.object({ room })
const body = z.strictObject({ name })

export function roomRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/homes/:id/rooms',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List the rooms of a home',
        params: byId,
        response: { 200: z.object({ rooms: z.array(room), next_cursor: z.null() }) },
      },
    },
    async request => {
      checkRight(request, { home_id: request.params.id }, 'home')
      return { rooms: await listRooms(db, request.params.id), next_cursor: null }
    },
  )
  app.post(
    '/homes/:id/rooms',
    {
      config: { who: 'owner', action: 'room.create' },
      schema: { summary: 'Make a room', params: byId, body, response: { 201: one } },
    },
    async (request, reply) => {
      const home_id = request.params.id
      checkRight(request, { home_id }, 'home')
      const about = ({ id }: { id: string }) => ({ target: `room/${id}`, home_id })
      const room = await audited(request, db, tx => createRoom(tx, home_id, request.body.name), about)
      return reply.code(201).send({ room })
    },
  )
  app.patch(
    '/rooms/:id',
    {
      config: { who: 'owner', action: 'room.change' },
      schema: { summary: 'Rename a room', params: byId, body, response: { 200: one } },
    },
    async request => {
      const { id, home_id } = await getRoom(db, request.params.id)
      checkRight(request, { home_id }, 'room')
      const about = { target: `room/${id}`, home_id }
      return { room: await audited(request, db, tx => updateRoom(tx, id, request.body.name), about) }
    },
  )
  app.delete(
    '/rooms/:id',
    {
      config: { who: 'owner', action: 'room.delete' },
      schema: {
        summary: 'Delete a room; its devices stay in the home',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const { id, home_id } = await getRoom(db, request.params.id)
      checkRight(request, { home_id }, 'room')
      await audited(request, db, tx => deleteRoom(tx, id), { target: `room/${id}`, home_id })
      return reply.code(204).send(null)
    },
  )
}
