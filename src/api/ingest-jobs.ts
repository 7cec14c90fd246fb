import { z } from 'zod'
import * as heard from '../audio/result.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { absolute } from './objects.js'
import { id, json } from './schemas.js'

const job = z.object({
  recording_id: z.string(),
  receipt: z.string().describe('Proves that it was taken'),
  attempt: z.int(),
  content_type: z.string(),
  bytes: z.int(),
  sha256: z.string().nullable(),
  max_seconds: z.int(),
  source: z.object({ url: z.string() }),
  models: z
    .array(z.object({ key: z.string(), thresholds: json }))
    .readonly()
    .describe('The detectors to run'),
})
const taken = { recording_id: id, receipt: z.string().min(1).max(2048), attempt: z.int().min(1) }
const done = z.object({ stored: z.literal(true) })

/** For `hearth worker`: recordings are listened to where there is more to do it with. */
export function ingestJobRoutes(app: Api, context: ApiContext): void {
  const { recordings } = context.audio
  app.post(
    '/ingest/jobs/claim',
    {
      config: { who: 'worker' },
      schema: {
        summary: 'Take a recording to listen to, for two minutes; waits until there is one',
        body: z.strictObject({ wait_seconds: z.int().min(0).max(30).default(0) }),
        response: { 200: z.object({ job: job.nullable() }) },
      },
    },
    async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signal = AbortSignal.any([gone.signal, app.closing])
      const wait_ms = request.body.wait_seconds * 1000
      const job = await recordings.claim({ by: 'outside', wait_ms, signal })
      if (!job || !('url' in job.source)) return { job: null }
      return { job: { ...job, source: absolute(context, request, { url: job.source.url }) } }
    },
  )
  app.post(
    '/ingest/jobs/result',
    {
      config: { who: 'worker' },
      schema: {
        summary: 'Say what was heard in a recording',
        body: z.strictObject({ ...taken, result: heard.result }),
        response: { 200: done },
      },
    },
    async request => {
      const { result, ...job } = request.body
      await recordings.finish(job, { result })
      return { stored: true as const }
    },
  )
  app.post(
    '/ingest/jobs/failure',
    {
      config: { who: 'worker' },
      schema: {
        summary: 'Say why nothing could be heard in a recording',
        body: z.strictObject({
          ...taken,
          error: heard.fault,
          again: z.boolean().describe('Whether another attempt may go better'),
        }),
        response: { 200: done },
      },
    },
    async request => {
      const { error, again, ...job } = request.body
      await recordings.finish(job, { error, again })
      return { stored: true as const }
    },
  )
}
