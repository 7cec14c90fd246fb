import { z } from 'zod'
import { version } from '../version.js'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

const health = z.object({ status: z.literal('ok'), version: z.string(), uptime: z.number().describe('Seconds') })
const ready = z.object({ status: z.literal('ready') })

export function healthRoutes(app: Api, { store }: ApiContext): void {
  app.get(
    '/health',
    { config: { who: 'anyone' }, schema: { summary: 'The process is alive', response: { 200: health } } },
    async () => ({ status: 'ok' as const, version, uptime: Math.round(process.uptime()) }),
  )
  app.get(
    '/ready',
    {
      config: { who: 'anyone' },
      schema: { summary: 'The hub can store: a row was committed just now', response: { 200: ready } },
    },
    async () => {
      await store.probe()
      return { status: 'ready' as const }
    },
  )
}
