import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { presenceOf } from '../devices/presence.js'
import { listChanges } from '../devices/timeline.js'
import { uptime } from '../devices/uptime.js'
import { timezoneOf } from '../homes/homes.js'
import { presenceReasons, presenceStatuses } from '../inbound.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { checkDevice } from './rights.js'
import { byId, moment, next_cursor, page, time } from './schemas.js'
import { range, wholeRange } from './telemetry.js'

const status = z.enum(presenceStatuses)
const reason = z.enum(presenceReasons).nullable().describe('Why it is not online; null when no connection has ended')
const session = z.int().describe('Counts the connections of all devices; 0 before the first')
const presence = z.object({
  device_id: z.string(),
  status,
  connected: z.boolean(),
  since: time.nullable().describe('Null of a device that was never heard'),
  reason,
  last_seen_at: time.nullable(),
  session,
  wakes_at: time
    .nullable()
    .describe('When it means to be back, of a device that sleeps, or that has said so on the connection it has'),
})
const change = z.object({ at: time, status, reason, session })
const ms = z.int().min(0)
const times = {
  online_ms: ms,
  sleeping_ms: ms,
  offline_ms: ms,
  uptime_percent: z.number().describe('Online or asleep, of the time that is known; rounded down'),
}
const days = z.strictObject({
  start_time: moment.prefault('-30d'),
  end_time: moment.prefault('now'),
  timezone: z.string().max(64).optional().describe('IANA name; the home’s when not given'),
})
const config = { who: 'reader', hears: 'presence' } as const

/** Whether a device is there, since when, why not, and for how much of its days. */
export function presenceRoutes(app: Api, { store: { db } }: ApiContext): void {
  app.get(
    '/devices/:id/presence',
    {
      config,
      schema: {
        summary: 'Whether a device is there, and since when',
        params: byId,
        response: { 200: z.object({ presence }) },
      },
    },
    async request => {
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      return { presence: await presenceOf(db, id) }
    },
  )
  app.get(
    '/devices/:id/presence/timeline',
    {
      config,
      schema: {
        summary: 'List the changes of a device’s presence, the newest first',
        params: byId,
        querystring: z.strictObject({ ...page, ...range }),
        response: { 200: z.object({ timeline: z.array(change), next_cursor }) },
      },
    },
    async request => {
      const { id } = checkDevice(request, await getDevice(db, request.params.id))
      const query = { ...request.query, ...wholeRange(request.query) }
      const { rows: timeline, next_cursor } = await listChanges(db, id, query)
      return { timeline, next_cursor }
    },
  )
  app.get(
    '/devices/:id/presence/uptime',
    {
      config,
      schema: {
        summary: 'How long a device was there on each day',
        params: byId,
        querystring: days,
        response: {
          200: z.object({
            device_id: z.string(),
            timezone: z.string(),
            uptime: z
              .array(z.object({ start: time.describe('The day’s'), ...times }))
              .describe('Days of which something is known'),
            total: z.object(times).nullable().describe('All days together'),
          }),
        },
      },
    },
    async request => {
      const { id, home_id } = checkDevice(request, await getDevice(db, request.params.id))
      const timezone = request.query.timezone ?? (await timezoneOf(db, home_id))
      const { days, total } = await uptime(db, id, { ...wholeRange(request.query), timezone }, Date.now())
      return { device_id: id, timezone, uptime: days, total }
    },
  )
}
