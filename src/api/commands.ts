import { once } from 'node:events'
import { z } from 'zod'
import type { Commands } from '../commands/commands.js'
import { type Command, getCommand, isOpen, listCommands } from '../commands/rows.js'
import { getDevice } from '../devices/devices.js'
import { openStatuses, settledStatuses } from '../store/tables.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { checkHome, personOf } from './rights.js'
import { byId, json, name, next_cursor, page, time } from './schemas.js'

const status = z.enum([...openStatuses, ...settledStatuses])
const command = z.object({
  id: z.string(),
  device_id: z.string(),
  home_id: z.string(),
  name: z.string(),
  params: json,
  status,
  collapse_key: z.string().nullable(),
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
  updated_at: time,
})
const one = z.object({ command })
const newCommand = z.strictObject({
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
  app.get(
    '/devices/:id/commands',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'List the commands of a device, the newest first',
        params: byId,
        querystring: z.strictObject({ ...page, status: status.optional() }),
        response: { 200: z.object({ commands: z.array(command), next_cursor }) },
      },
    },
    async request => {
      const { id: device_id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      const { rows: commands, next_cursor } = await listCommands(db, { ...request.query, device_id })
      return { commands, next_cursor }
    },
  )
  app.get(
    '/commands/:id',
    { config: { who: 'reader' }, schema: { summary: 'Read a command', params: byId, response: { 200: one } } },
    async request => ({ command: checkHome(request, await getCommand(db, request.params.id), 'command') }),
  )
  app.delete(
    '/commands/:id',
    {
      config: { who: 'member', limit: 'commands' },
      schema: { summary: 'Cancel a command that is still queued', params: byId, response: { 200: one } },
    },
    async request => {
      const { id } = checkHome(request, await getCommand(db, request.params.id), 'command')
      return { command: await context.commands.cancel(id) }
    },
  )
}

function issueRoute(app: Api, { store: { db }, commands }: ApiContext): void {
  app.post(
    '/devices/:id/commands',
    {
      config: { who: 'member', limit: 'commands' },
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
      const { id: device_id, home_id } = checkHome(request, await getDevice(db, request.params.id), 'device')
      const issued = await commands.issue({ ...request.body, device_id, home_id, issued_by: personOf(request).id })
      const { wait } = request.query
      const command = wait === 0 ? issued : await settled(commands, issued, wait * 1000, app.closing)
      return reply.code(isOpen(command.status) ? 202 : 200).send({ command })
    },
  )
}

/** Waits for a command to be settled, at most `ms` milliseconds, and not while the server closes. */
async function settled(commands: Commands, issued: Command, ms: number, closing: AbortSignal): Promise<Command> {
  const done = new AbortController()
  const interrupted = once(closing, 'abort', { signal: done.signal }).then(() => issued)
  try {
    return await Promise.race([commands.settled(issued.id, ms), interrupted])
  } finally {
    done.abort()
  }
}
