import { z } from 'zod'
import type { Order } from '../commands/issue.js'
import { type Command, getCommand, isOpen, listCommands } from '../commands/rows.js'
import { timelineOf, timelineOfDevice } from '../commands/timeline.js'
import { getDevice } from '../devices/devices.js'
import { notFound } from '../errors.js'
import { openStatuses, settledStatuses } from '../store/command-tables.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import type { ApiContext } from './context.js'
import { idempotencyKeyOf } from './idempotency.js'
import { askerOf, checkDevice, checkRight } from './rights.js'
import { byId, json, name, next_cursor, page, time } from './schemas.js'

const status = z.enum([...openStatuses, ...settledStatuses])
export const command = z.object({
  id: z.string(),
  device_id: z.string(),
  home_id: z.string(),
  name: z.string(),
  params: json,
  status,
  collapse_key: z.string().nullable(),
  batch_id: z.string().nullable().describe('Shared by the commands of one order to a group'),
  issued_by: z.string().describe('The person'),
  issued_at: time,
  expires_at: time,
  sent_at: time.nullable(),
  delivered_at: time.nullable(),
  settled_at: time.nullable(),
  attempt: z.int(),
  progress: z.number().nullable(),
  result: z.unknown(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  idempotency_key: z.string().nullable(),
  cancel_requested_at: time.nullable().describe('Since when the device is asked not to run it, or to stop'),
  schedule_id: z.string().nullable().describe('The schedule that it was given by'),
  updated_at: time,
})
const step = z.object({
  command_id: z.string(),
  at: time,
  status: z
    .enum([...status.options, 'cancel_requested'])
    .describe('What it became; `cancel_requested` when the device was first asked not to run it, or to stop'),
  progress: z.number().nullable(),
  attempt: z.int(),
  counted: z.boolean().describe('False for a result that came late or again, and changed nothing'),
})
const one = z.object({ command })
export const newCommand = z.strictObject({
  name,
  params: json.default({}),
  ttl_seconds: z
    .number()
    .min(1)
    .max(30 * 86_400)
    .default(300)
    .describe('How long it may wait for the device; after that it is never run'),
  collapse_key: name.optional().describe('A newer command with the same key takes the place of one still queued'),
})
const waiting = z.strictObject({
  wait: z.coerce.number().int().min(0).max(60).default(0).describe('Seconds to wait for the command to be settled'),
})

export function commandRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  issueRoute(app, context)
  timelineRoutes(app, context)
  app.get(
    '/devices/:id/commands',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: {
        summary: 'List the commands of a device, the newest first',
        params: byId,
        querystring: z.strictObject({ ...page, status: status.optional() }),
        response: { 200: z.object({ commands: z.array(command), next_cursor }) },
      },
    },
    async request => {
      const { id: device_id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: commands, next_cursor } = await listCommands(db, { ...request.query, device_id })
      return { commands, next_cursor }
    },
  )
  app.get(
    '/commands/:id',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: { summary: 'Read a command', params: byId, response: { 200: one } },
    },
    async request => ({ command: await commandAt(context, request, request.params.id) }),
  )
  app.delete(
    '/commands/:id',
    {
      config: { who: 'member', hears: 'commands', action: 'command.cancel', limit: 'commands' },
      schema: {
        summary: 'Cancel a command; what was sent already, the device is asked not to run, or to stop',
        params: byId,
        response: { 200: one.describe('Cancelled'), 202: one.describe('The device is asked') },
      },
    },
    async (request, reply) => {
      const { id } = await commandAt(context, request, request.params.id)
      const command = await context.commands.cancel(id)
      await note(request, db, aboutCommand(command))
      return reply.code(isOpen(command.status) ? 202 : 200).send({ command })
    },
  )
}

/** The idempotency key stands on the command itself: who asks again gets it as it is by then. */
export const issuing = { who: 'member', hears: 'commands', action: 'command.issue', idempotent: 'by-itself' } as const

function issueRoute(app: Api, { key_ring, commands }: ApiContext): void {
  app.post(
    '/devices/:id/commands',
    {
      config: { ...issuing, limit: 'commands' },
      bodyLimit: 64 * 1024,
      schema: {
        summary: 'Send a command; with `wait`, wait until it is settled',
        params: byId,
        querystring: waiting,
        body: newCommand,
        response: { 200: one.describe('Settled'), 202: one.describe('Written down, not settled yet') },
      },
    },
    async (request, reply) => {
      const device = await key_ring.device(request.params.id)
      if (!device) throw notFound('device')
      const { id: device_id, home_id } = checkDevice(request, device)
      const idempotency_key = idempotencyKeyOf(request)
      const wanted = { device_id, home_id, issued_by: askerOf(request).id, idempotency_key, ...request.body }
      const { command: issued, repeated } = await commands.issue(wanted, (tx, command) =>
        note(request, tx, aboutCommand(command)),
      )
      if (repeated) reply.header('idempotent-replayed', 'true')
      const { wait } = request.query
      const done = wait === 0 || !isOpen(issued.status)
      const known = repeated ? undefined : issued
      const command = done ? issued : await commands.settled(issued.id, wait * 1000, app.closing, known)
      return reply.code(isOpen(command.status) ? 202 : 200).send({ command })
    },
  )
}

function timelineRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/commands/:id/timeline',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: {
        summary: 'Every step of a command, with its time',
        params: byId,
        response: { 200: z.object({ command_id: z.string(), timeline: z.array(step) }) },
      },
    },
    async request => {
      const { id } = await commandAt(context, request, request.params.id)
      return { command_id: id, timeline: await timelineOf(db, id) }
    },
  )
  app.get(
    '/devices/:id/commands/timeline',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: {
        summary: 'Every step of the commands of a device, the newest first',
        params: byId,
        querystring: z.strictObject(page),
        response: { 200: z.object({ device_id: z.string(), timeline: z.array(step), next_cursor }) },
      },
    },
    async request => {
      const { id: device_id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: timeline, next_cursor } = await timelineOfDevice(db, device_id, request.query)
      return { device_id, timeline, next_cursor }
    },
  )
}

/** A command, where its device is now. @throws HubError `not_found`, `forbidden` */
async function commandAt(
  { store: { db }, key_ring }: ApiContext,
  request: Parameters<typeof checkRight>[0],
  id: string,
): Promise<Command> {
  const command = await getCommand(db, id)
  const { device_id } = command
  const device = await key_ring.device(device_id)
  checkRight(request, { home_id: device?.home_id ?? command.home_id, device_id }, 'command')
  return command
}

export const aboutCommand = ({ id, device_id, home_id, name }: Order) => ({
  target: `device/${device_id}`,
  home_id,
  detail: { command_id: id, name },
})
