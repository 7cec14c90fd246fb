import { z } from 'zod'
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  type Schedule,
  updateSchedule,
} from '../commands/schedules.js'
import { getDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { devicesOf } from '../groups/groups.js'
import { timezoneOf } from '../homes/homes.js'
import { may } from '../rights.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import { newCommand } from './commands.js'
import type { ApiContext } from './context.js'
import { groupAt } from './groups.js'
import { askerOf, checkDevice } from './rights.js'
import { byId, json, momentInBody, next_cursor, nothing, page, time, timezone } from './schemas.js'

const schedule = z.object({
  id: z.string(),
  device_id: z.string().nullable(),
  group_id: z.string().nullable(),
  name: z.string(),
  params: json,
  ttl_seconds: z.number(),
  collapse_key: z.string().nullable(),
  at: time.nullable(),
  cron: z.string().nullable(),
  timezone: z.string(),
  status: z.enum(['active', 'paused', 'done']),
  next_at: time.nullable(),
  last_at: time.nullable(),
  last_error: z.string().nullable().describe('Why not every device got its command the last time'),
  created_by: z.string(),
  created_at: time,
  updated_at: time,
})
const one = z.object({ schedule })
const times = {
  at: momentInBody
    .optional()
    .describe('Once, at this time: milliseconds since 1970, ISO 8601 (UTC without a zone), or from now like +1h'),
  cron: z
    .string()
    .max(128)
    .optional()
    .describe('Again and again: minute, hour, day, month, weekday; `0 18 * * 1-5` is every weekday at 18:00'),
  timezone: timezone.optional().describe('IANA name; the home’s when left out'),
}
const newSchedule = newCommand
  .extend(times)
  .refine(({ at, cron }) => (at === undefined) !== (cron === undefined), 'wants either at or cron')
const changes = z
  .strictObject({
    ...newCommand.partial().omit({ params: true, ttl_seconds: true }).shape,
    params: json.optional(),
    ttl_seconds: newCommand.shape.ttl_seconds.unwrap().optional(),
    ...times,
    status: z.enum(['active', 'paused']).optional(),
  })
  .refine(({ at, cron }) => at === undefined || cron === undefined, 'wants either at or cron')

const planning = { who: 'member', hears: 'commands', limit: 'commands' } as const
type Request = Parameters<typeof checkDevice>[0]

/** Commands to be given at a time, once or again and again. */
export function scheduleRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  for (const { of, what, targetAt } of targets(context)) {
    app.get(
      `/${of}/:id/schedules`,
      {
        config: { who: 'reader', hears: 'commands' },
        schema: {
          summary: `List the scheduled commands of a ${what}`,
          params: byId,
          querystring: z.strictObject(page),
          response: { 200: z.object({ schedules: z.array(schedule), next_cursor }) },
        },
      },
      async request => {
        const { target } = await targetAt(request, request.params.id)
        const { rows: schedules, next_cursor } = await listSchedules(db, target, request.query)
        return { schedules, next_cursor }
      },
    )
    app.post(
      `/${of}/:id/schedules`,
      {
        config: { ...planning, action: 'schedule.create' },
        bodyLimit: 64 * 1024,
        schema: {
          summary: `Schedule commands for a ${what}`,
          params: byId,
          body: newSchedule,
          response: { 201: one },
        },
      },
      async (request, reply) => {
        const { target, home_id } = await targetAt(request, request.params.id)
        const { at = null, cron = null, collapse_key = null, timezone, ...order } = request.body
        const zone = timezone ?? (await timezoneOf(db, home_id))
        const wanted = { ...order, at, cron, collapse_key, timezone: zone, created_by: askerOf(request).id }
        const made = await audited(request, db, tx => createSchedule(tx, target, wanted), about)
        return reply.code(201).send({ schedule: made })
      },
    )
  }
  byIdRoutes(app, context)
}

function byIdRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/schedules/:id',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: { summary: 'Read a schedule', params: byId, response: { 200: one } },
    },
    async request => ({ schedule: await scheduleAt(context, request, request.params.id) }),
  )
  app.patch(
    '/schedules/:id',
    {
      config: { ...planning, action: 'schedule.change' },
      bodyLimit: 64 * 1024,
      schema: { summary: 'Change, pause or resume a schedule', params: byId, body: changes, response: { 200: one } },
    },
    async request => {
      const { id } = await scheduleAt(context, request, request.params.id)
      const { at, cron, ...rest } = request.body
      // The one takes the place of the other.
      const timed = at === undefined ? (cron === undefined ? {} : { at: null, cron }) : { at, cron: null }
      return { schedule: await audited(request, db, tx => updateSchedule(tx, id, { ...rest, ...timed }), about) }
    },
  )
  app.delete(
    '/schedules/:id',
    {
      config: { ...planning, action: 'schedule.delete' },
      schema: { summary: 'Delete a schedule; its commands stay', params: byId, response: { 204: nothing('Deleted') } },
    },
    async (request, reply) => {
      const planned = await scheduleAt(context, request, request.params.id)
      await audited(request, db, tx => deleteSchedule(tx, planned.id), about(planned))
      return reply.code(204).send(null)
    },
  )
}

/** Devices and groups, whose plans are the same but for their place. */
function targets({ store: { db } }: ApiContext) {
  return [
    {
      of: 'devices',
      what: 'device',
      targetAt: async (request: Request, id: string) => {
        const { home_id } = checkDevice(request, await getDevice(db, id))
        return { target: { device_id: id }, home_id }
      },
    },
    {
      of: 'groups',
      what: 'group',
      targetAt: async (request: Request, id: string) => ({
        target: { group_id: id },
        home_id: await homeOfGroup(db, request, id),
      }),
    },
  ] as const
}

/** The home of the first device of a group that whoever asks may command, or at least read. @throws HubError `not_found`, `forbidden` */
async function homeOfGroup(db: ApiContext['store']['db'], request: Request, id: string): Promise<string> {
  const { id: group_id } = await groupAt(db, request, id)
  const right = request.routeOptions.config.who === 'member' ? 'command' : 'read'
  const held = await devicesOf(db, group_id)
  const allowed = held.find(({ id: device_id, home_id }) => may(askerOf(request), right, { home_id, device_id }))
  if (!allowed && right === 'command')
    throw new HubError('forbidden', 'There is no device in this group that you may command.')
  return allowed?.home_id ?? ''
}

/** A plan that whoever asks has the right to of the route. @throws HubError `not_found`, `forbidden` */
async function scheduleAt({ store: { db } }: ApiContext, request: Request, id: string): Promise<Schedule> {
  const planned = await getSchedule(db, id)
  if (planned.device_id !== null) checkDevice(request, await getDevice(db, planned.device_id))
  else if (planned.group_id !== null) await homeOfGroup(db, request, planned.group_id)
  return planned
}

const about = ({ id, device_id, group_id, name }: Schedule) => ({
  target: `schedule/${id}`,
  detail: { name, ...(device_id === null ? { group_id } : { device_id }) },
})
