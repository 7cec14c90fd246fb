import { z } from 'zod'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'
import { time } from './schemas.js'

const job = z.object({
  name: z.string(),
  cron: z.string().describe('When, with seconds, in UTC'),
  running: z.boolean(),
  last_run_at: time.nullable(),
  duration_ms: z.int().nullable().describe('How long that took'),
  last_error: z.string().nullable().describe('What went wrong; null when nothing did'),
  next_run_at: time.nullable(),
})

/** What the hub does by the clock. */
export function jobRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/ops/jobs',
    {
      config: { who: 'staff' },
      schema: {
        summary: 'The scheduled jobs of the hub: when each ran, how that ended, and when it runs next',
        response: { 200: z.object({ jobs: z.array(job) }) },
      },
    },
    async () => ({ jobs: [...(await context.jobs())] }),
  )
}
