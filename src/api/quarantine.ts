import { z } from 'zod'
import { findDevice } from '../devices/devices.js'
import { HubError } from '../errors.js'
import { deleteQuarantined, getQuarantined, listQuarantine, markReplayed } from '../quarantine/quarantine.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { throwIfQuarantined } from './own.js'
import { checkDevice } from './rights.js'
import { byId, id, next_cursor, nothing, page, time } from './schemas.js'

const refused = z.object({
  id: z.string(),
  device_id: z.string(),
  home_id: z.string(),
  topic: z.string().describe('Below the device’s own prefix'),
  size: z.int().describe('Bytes of the payload'),
  payload_text: z.string().describe('The payload read as UTF-8; in lists its first 4 KiB'),
  payload_base64: z.string().describe('The payload byte for byte; in lists its first 4 KiB'),
  reason: z.string(),
  message: z.string(),
  received_at: time,
  replayed_at: time.nullable(),
})
const one = z.object({ quarantined: refused })
const mended = z.strictObject({
  payload: z
    .union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())])
    .describe('To be taken instead: text as it is, or JSON'),
})

/** A row as it is shown: the payload, which may be anything, as text and byte for byte. */
function shown<Row extends { readonly payload: Buffer }>({ payload, ...row }: Row) {
  return { ...row, payload_text: payload.toString('utf8'), payload_base64: payload.toString('base64') }
}

export function quarantineRoutes(app: Api, { store: { db }, ingest }: ApiContext): void {
  app.get(
    '/ops/quarantine',
    {
      config: { who: 'staff' },
      schema: {
        summary: 'List messages that could not be understood, the newest first',
        querystring: z.strictObject({ ...page, device_id: id.optional() }),
        response: { 200: z.object({ quarantine: z.array(refused), next_cursor }) },
      },
    },
    async request => {
      const { rows, next_cursor } = await listQuarantine(db, request.query)
      return { quarantine: rows.map(shown), next_cursor }
    },
  )
  app.get(
    '/devices/:id/quarantine',
    {
      config: { who: 'reader', hears: 'errors' },
      schema: {
        summary: 'List messages of a device that could not be understood, the newest first',
        params: byId,
        querystring: z.strictObject(page),
        response: { 200: z.object({ quarantine: z.array(refused), next_cursor }) },
      },
    },
    async request => {
      const { id: device_id } = checkDevice(request, await findDevice(db, request.params.id))
      const { rows, next_cursor } = await listQuarantine(db, { ...request.query, device_id })
      return { quarantine: rows.map(shown), next_cursor }
    },
  )
  app.get(
    '/ops/quarantine/:id',
    {
      config: { who: 'staff' },
      schema: { summary: 'Read a quarantined message whole', params: byId, response: { 200: one } },
    },
    async request => ({ quarantined: shown(await getQuarantined(db, request.params.id)) }),
  )
  app.post(
    '/ops/quarantine/:id/replay',
    {
      config: { who: 'staff', action: 'quarantine.replay' },
      schema: {
        summary: 'Take a quarantined message as if its device had sent it now, mended or as it is',
        params: byId,
        body: mended.nullish(),
        response: { 200: one },
      },
    },
    async request => {
      const kept = await getQuarantined(db, request.params.id)
      if (kept.replayed_at !== null) throw new HubError('conflict', 'This message was replayed already.')
      const { id, num, home_id } = await findDevice(db, kept.device_id)
      const device = {
        kind: 'device',
        id,
        home_id,
        num,
        key_id: '',
        expires_at: null,
      } as const
      throwIfQuarantined(await ingest(device, kept.topic, mendedPayload(request.body) ?? kept.payload, null, kept.id))
      const replayed_at = Date.now()
      await audited(request, db, tx => markReplayed(tx, kept.id, replayed_at), {
        target: `device/${id}`,
        home_id,
        detail: { quarantine_id: kept.id },
      })
      return { quarantined: shown({ ...kept, replayed_at }) }
    },
  )
  app.delete(
    '/ops/quarantine/:id',
    {
      config: { who: 'staff', action: 'quarantine.delete' },
      schema: {
        summary: 'Delete a quarantined message, which nobody will replay',
        params: byId,
        response: { 204: nothing('Deleted') },
      },
    },
    async (request, reply) => {
      const { id: quarantine_id } = request.params
      await audited(
        request,
        db,
        tx => deleteQuarantined(tx, quarantine_id),
        ({ device_id, home_id, topic, reason }) => ({
          target: `device/${device_id}`,
          home_id,
          detail: { quarantine_id, topic, reason },
        }),
      )
      return reply.code(204).send(null)
    },
  )
}

function mendedPayload(body: z.infer<typeof mended> | null | undefined): Buffer | null {
  if (!body) return null
  return Buffer.from(typeof body.payload === 'string' ? body.payload : JSON.stringify(body.payload))
}
