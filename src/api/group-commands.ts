import { z } from 'zod'
import { batchOf } from '../commands/issue.js'
import { type Command, listBatch } from '../commands/rows.js'
import { HubError } from '../errors.js'
import { devicesOf } from '../groups/groups.js'
import { newSortableId } from '../ids.js'
import { may } from '../rights.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import { aboutCommand, command, issuing, newCommand } from './commands.js'
import type { ApiContext } from './context.js'
import { groupAt } from './groups.js'
import { idempotencyKeyOf } from './idempotency.js'
import { askerOf } from './rights.js'
import { byId, id } from './schemas.js'

const batch = z.object({
  id: z.string(),
  group_id: z.string(),
  total: z.int(),
  summary: z.record(z.string(), z.int()).describe('How many commands have each status'),
})
const batchAnswer = z.object({
  batch,
  commands: z.array(command),
  refused: z
    .array(z.object({ device_id: z.string(), error: z.string(), message: z.string() }))
    .describe('Devices to which no command was given, and why'),
})

/** Orders to groups: a command of its own for every device. */
export function groupCommandRoutes(app: Api, { store: { db }, commands, key_ring }: ApiContext): void {
  app.post(
    '/groups/:id/commands',
    {
      config: { ...issuing, limit: 'commands', idempotent: 'in-turn' },
      bodyLimit: 64 * 1024,
      schema: {
        summary: 'Give every device of a group a command of its own',
        params: byId,
        body: newCommand,
        response: { 202: batchAnswer },
      },
    },
    async (request, reply) => {
      const asker = askerOf(request)
      const group = await groupAt(db, request, request.params.id)
      const held = await devicesOf(db, group.id)
      const allowed = held.filter(({ id, home_id }) => may(asker, 'command', { home_id, device_id: id }))
      if (allowed.length === 0)
        throw new HubError('forbidden', 'There is no device in this group that you may command.')
      const idempotency_key = idempotencyKeyOf(request)
      // An order that broke off is carried on: devices that have their command keep it, the others get theirs.
      const order = { ...request.body, issued_by: asker.id, idempotency_key }
      const batch_id = (await batchOf(db, order)) ?? newSortableId()
      const issued: Command[] = []
      const refused: { device_id: string; error: string; message: string }[] = []
      for (const { id: device_id, home_id } of allowed) {
        const wanted = { ...order, device_id, home_id, batch_id }
        try {
          const { command } = await commands.issue(wanted, (tx, given) => note(request, tx, aboutCommand(given)))
          issued.push(command)
        } catch (error) {
          if (!(error instanceof HubError) || error.code !== 'conflict') throw error
          refused.push({ device_id, error: error.code, message: error.message })
        }
      }
      return reply.code(202).send({ batch: summaryOf(batch_id, group.id, issued), commands: issued, refused })
    },
  )
  app.get(
    '/groups/:id/commands/:batch_id',
    {
      config: { who: 'reader', hears: 'commands' },
      schema: {
        summary: 'What became of an order to a group',
        params: z.strictObject({ id, batch_id: id }),
        response: { 200: batchAnswer },
      },
    },
    async request => {
      const asker = askerOf(request)
      const group = await groupAt(db, request, request.params.id)
      const all = await listBatch(db, request.params.batch_id)
      // Where each device is now, which decides who may read its commands.
      const places = await Promise.all(all.map(({ device_id }) => key_ring.device(device_id)))
      const seen = all.filter(({ home_id, device_id }, i) =>
        may(asker, 'read', { home_id: places[i]?.home_id ?? home_id, device_id, rest: 'commands' }),
      )
      return { batch: summaryOf(request.params.batch_id, group.id, seen), commands: seen, refused: [] }
    },
  )
}

function summaryOf(id: string, group_id: string, commands: readonly Command[]) {
  const summary: Record<string, number> = {}
  for (const { status } of commands) summary[status] = (summary[status] ?? 0) + 1
  return { id, group_id, total: commands.length, summary }
}
