import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { listEvents, listHeartbeats, listLogLines } from '../devices/reports.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { checkDevice } from './rights.js'
import { byId, json, next_cursor, page, time } from './schemas.js'

const origin = { id: z.int(), device_id: z.string(), home_id: z.string(), received_at: time }
const event = z.object({
  ...origin,
  kind: z.string().describe('`event`, or `alert/{key}`'),
  ts: time,
  data: z.unknown(),
})
const heartbeat = z.object({ ...origin, vitals: json })
const logLine = z.object({ ...origin, level: z.string(), message: z.string() })
const querystring = z.strictObject(page)

/** What a device told of itself, the newest first. */
export function reportRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/devices/:id/events',
    {
      config: { who: 'reader', hears: 'event' },
      schema: {
        summary: 'List the events of a device',
        params: byId,
        querystring,
        response: { 200: z.object({ events: z.array(event), next_cursor }) },
      },
    },
    async request => {
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: events, next_cursor } = await listEvents(db, id, request.query)
      return { events, next_cursor }
    },
  )
  app.get(
    '/devices/:id/heartbeats',
    {
      config: { who: 'reader', hears: 'heartbeat' },
      schema: {
        summary: 'List the heartbeats of a device',
        params: byId,
        querystring,
        response: { 200: z.object({ heartbeats: z.array(heartbeat), next_cursor }) },
      },
    },
    async request => {
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: heartbeats, next_cursor } = await listHeartbeats(db, id, request.query)
      return { heartbeats, next_cursor }
    },
  )
  app.get(
    '/devices/:id/log',
    {
      config: { who: 'reader', hears: 'log' },
      schema: {
        summary: 'List the lines of a device’s own log',
        params: byId,
        querystring,
        response: { 200: z.object({ log: z.array(logLine), next_cursor }) },
      },
    },
    async request => {
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: log, next_cursor } = await listLogLines(db, id, request.query)
      return { log, next_cursor }
    },
  )
}
