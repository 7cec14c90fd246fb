import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { bytesOf } from '../../config/quantities.js'
import { contentTypes } from '../audio/decode.js'
import { announce, linkTo } from '../audio/intake.js'
import * as heard from '../audio/result.js'
import { getRecording, listRecordings, type Recording, shown } from '../audio/rows.js'
import { HubError, notFound } from '../errors.js'
import { recordingStatuses } from '../store/audio-tables.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import type { ApiContext } from './context.js'
import { absolute, signedRequest } from './objects.js'
import { askerOf, checkDevice, checkRight, reachOfRequest } from './rights.js'
import { byId, id, momentInBody, next_cursor, page, time } from './schemas.js'

const status = z.enum(recordingStatuses)
const recording = z.object({
  id: z.string(),
  device_id: z.string(),
  home_id: z.string().describe('Where the device was then'),
  content_type: z.string(),
  bytes: z.int(),
  sha256: z.string().nullable(),
  recorded_at: time,
  status: status.describe('`waiting` for its sound, `queued` until somebody has listened to it'),
  created_at: time,
  upload_until: time,
  settled_at: time.nullable(),
  attempts: z.int(),
  result: heard.result.nullable(),
  error: heard.fault.nullable(),
  deleted_at: time.nullable().describe('When its sound was deleted'),
})
const one = z.object({ recording })
const content_type = z
  .string()
  .max(128)
  .transform(text => text.replace(/;.*/s, '').trim().toLowerCase())
  .pipe(z.enum(contentTypes, `is none of ${contentTypes.join(', ')}`))
const wanted = z.strictObject({
  device_id: id.optional().describe('The device itself, when that is who asks'),
  content_type,
  bytes: z.int().min(1),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal')
    .optional(),
  recorded_at: momentInBody.optional().describe('When it was recorded; now, when left out or in the future'),
})
/** Everything that is told of recordings. */
const hears = 'recordings'

export function ingestRoutes(app: Api, context: ApiContext): void {
  announcingRoute(app, context)
  confirmingRoutes(app, context)
  const { db } = context.store
  app.get(
    '/ingest',
    {
      config: { who: 'device or reader', hears },
      schema: {
        summary: 'List recordings, the newest first',
        querystring: z.strictObject({
          ...page,
          device_id: id.optional(),
          home_id: id.optional(),
          status: status.optional(),
        }),
        response: { 200: z.object({ recordings: z.array(recording), next_cursor }) },
      },
    },
    async request => {
      const { rows, next_cursor } = await listRecordings(db, { ...request.query, reach: reachOfRequest(request) })
      return { recordings: rows.map(told), next_cursor }
    },
  )
  app.get(
    '/ingest/:id',
    {
      config: { who: 'device or reader', hears },
      schema: {
        summary: 'Read a recording: what was heard in it, and where its sound can be fetched for ten minutes',
        params: byId,
        response: { 200: z.object({ recording, download: signedRequest.nullable() }) },
      },
    },
    async request => {
      const recording = await recordingAt(context, request, request.params.id)
      const link = await linkTo(context.audio.objects, recording)
      return { recording: told(recording), download: link && absolute(context, request, link) }
    },
  )
}

function announcingRoute(app: Api, context: ApiContext): void {
  const { store, key_ring, audio, config } = context
  const most = bytesOf(config.audio_bytes) ?? 0
  app.post(
    '/ingest',
    {
      config: { who: 'device or member', hears, action: 'recording.announce' },
      schema: {
        summary: 'Announce a recording: answers where its sound is to be uploaded with PUT, and until when',
        body: wanted,
        response: { 201: z.object({ recording, upload: signedRequest }) },
      },
    },
    async (request, reply) => {
      const { device_id = ownIdOf(request), sha256 = null, recorded_at, ...sound } = request.body
      const device = await key_ring.device(device_id)
      if (!device) throw notFound('device')
      const { home_id } = checkDevice(request, device)
      if (sound.bytes > most)
        throw new HubError('payload_too_large', `A recording may have ${most} bytes (HEARTH_AUDIO_BYTES).`)
      const now = Date.now()
      const announced = { device_id, home_id, ...sound, sha256, recorded_at: Math.min(recorded_at ?? now, now) }
      const { recording, upload } = await announce(store.db, audio.objects, announced)
      await noteIfAsked(context, request, recording)
      return reply.code(201).send({ recording: told(recording), upload: absolute(context, request, upload) })
    },
  )
}

function ownIdOf({ principal }: Pick<FastifyRequest, 'principal'>): string {
  if (principal?.kind === 'device') return principal.id
  throw new HubError('invalid_request', 'Say of which device.', ['body/device_id: is missing'])
}

function confirmingRoutes(app: Api, context: ApiContext): void {
  const { audio } = context
  app.post(
    '/ingest/confirm',
    {
      config: { who: 'device or member', hears, action: 'recording.confirm' },
      schema: {
        summary:
          'Say that the sound of a recording is uploaded: it will be listened to, once however often this is said',
        body: byId,
        response: { 202: one },
      },
    },
    async (request, reply) => {
      const recording = await audio.recordings.confirm(await recordingAt(context, request, request.body.id))
      await noteIfAsked(context, request, recording)
      return reply.code(202).send({ recording: told(recording) })
    },
  )
  app.post(
    '/ingest/:id/retry',
    {
      config: { who: 'member', hears, action: 'recording.retry' },
      schema: { summary: 'Have a recording that failed listened to once more', params: byId, response: { 202: one } },
    },
    async (request, reply) => {
      const recording = await audio.recordings.retry(await recordingAt(context, request, request.params.id))
      await noteIfAsked(context, request, recording)
      return reply.code(202).send({ recording: told(recording) })
    },
  )
}

const told = (row: Recording) => recording.parse(shown(row))

/** What devices do by themselves is in their recordings, and not in the audit as well. */
async function noteIfAsked({ store }: ApiContext, request: FastifyRequest, recording: Recording): Promise<void> {
  if (askerOf(request).kind === 'device' && !request.marked) return
  const { id, device_id, home_id } = recording
  await note(request, store.db, { target: `device/${device_id}`, home_id, detail: { recording_id: id } })
}

/** A recording, where its device is now. @throws HubError `not_found`, `forbidden` */
async function recordingAt(
  { store: { db }, key_ring }: ApiContext,
  request: Parameters<typeof checkRight>[0],
  id: string,
): Promise<Recording> {
  const recording = await getRecording(db, id)
  const { device_id } = recording
  const device = await key_ring.device(device_id)
  checkRight(request, { home_id: device?.home_id ?? recording.home_id, device_id }, 'recording')
  return recording
}
