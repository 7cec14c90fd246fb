import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { contentTypes } from '../audio/decode.js'
import { findRecording, keyOf } from '../audio/rows.js'
import { HubError, notFound } from '../errors.js'
import type { OwnObjects, SignedQuery, SignedRequest } from '../objects/objects.js'
import type { Api } from './api.js'
import { note } from './audited.js'
import { piecesOf, streamBodies } from './body.js'
import type { ApiContext } from './context.js'
import { id, nothing, time } from './schemas.js'

/** A request that whoever has it may make, without any other credential. */
export const signedRequest = z.object({
  method: z.enum(['PUT', 'GET']),
  url: z.string(),
  headers: z.record(z.string(), z.string()).describe('To be sent with it'),
  expires_at: time,
})

/** The address as whoever asks can use it: the hub itself under the name that they know it by. */
export function absolute<Signed extends Pick<SignedRequest, 'url'>>(
  { config }: Pick<ApiContext, 'config'>,
  { protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>,
  signed: Signed,
): Signed {
  if (!signed.url.startsWith('/')) return signed
  const base = config.public_url ?? `${protocol}://${host}`
  return { ...signed, url: base.replace(/\/$/, '') + signed.url }
}

const params = z.strictObject({ folder: z.literal('recordings'), name: id })
const querystring = z.strictObject({
  expires: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  type: z.string().max(128),
  bytes: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  kid: z.string().max(64),
  signature: z.string().max(64),
})
const sound = z.custom<IncomingMessage>().meta({ type: 'string', format: 'binary' })
const stream = z.custom<Readable>().meta({ type: 'string', format: 'binary' })
const content = Object.fromEntries(contentTypes.map(type => [type, { schema: stream }]))

/** The sound of recordings, where the hub keeps it itself. The address is the credential: signed, for one method, one object and a short time. */
export function objectRoutes(app: Api, context: ApiContext): void {
  streamBodies(app, contentTypes)
  app.put(
    '/objects/:folder/:name',
    {
      config: { who: 'anyone', action: 'recording.upload' },
      schema: {
        summary: 'Upload the sound of a recording, to the address that announcing it has answered',
        params,
        querystring,
        consumes: contentTypes,
        body: sound,
        response: { 204: nothing('On the disk') },
      },
    },
    async (request, reply) => {
      const { name, own, key } = signedFor(context, request)
      const recording = await findRecording(context.store.db, name)
      if (!recording) throw notFound('recording')
      if (recording.status !== 'waiting')
        throw new HubError('conflict', `The recording is ${recording.status} and takes no other sound.`)
      const { type: content_type, bytes } = request.query
      if (request.headers['content-type'] !== content_type)
        throw new HubError('unsupported_media_type', `The address is signed for ${content_type}.`)
      await own.put({ key, content_type, bytes }, piecesOf(request, app.closing))
      const { device_id, home_id } = recording
      await note(request, context.store.db, { target: `device/${device_id}`, home_id, detail: { recording_id: name } })
      return reply.code(204).send(null)
    },
  )
  app.get(
    '/objects/:folder/:name',
    {
      config: { who: 'anyone' },
      schema: {
        summary: 'Fetch the sound of a recording, from the address that reading it has answered',
        params,
        querystring,
        response: { 200: { description: 'The file as it was uploaded', content } },
      },
    },
    async (request, reply) => {
      const { own, key } = signedFor(context, request)
      const found = await own.open(key)
      if (!found) throw notFound('object')
      reply.type(request.query.type).header('content-length', found.bytes)
      reply.header('content-disposition', 'attachment').header('cache-control', 'private, no-store')
      return reply.send(found.stream)
    },
  )
}

interface Asking {
  readonly method: string
  readonly params: z.infer<typeof params>
  readonly query: SignedQuery
}

/** @throws HubError `forbidden` when the address is not signed so; `not_found` when the objects are kept elsewhere */
function signedFor(
  { audio }: ApiContext,
  { method, params: { name }, query }: Asking,
): { name: string; own: OwnObjects; key: string } {
  const own = audio.own_objects
  if (!own) throw notFound('object')
  const key = keyOf({ id: name })
  // Who may GET may ask for the head as well.
  own.verify({ method: method === 'HEAD' ? 'GET' : method, key, query }, Date.now())
  return { name, own, key }
}
