import { z } from 'zod'
import type { Api } from './api.js'
import type { ApiContext } from './context.js'

const port = z.int().min(1).max(65_535)
const doors = z.object({
  mqtt_port: port.describe('MQTT over TCP'),
  mqtts_port: port.nullable().describe('MQTT over TLS; null where the hub has no certificate'),
  websocket_path: z.literal('/mqtt').describe('MQTT over WebSocket, on the port of HTTP'),
})

/** Where devices are let in, on whichever ports the hub runs. */
export function doorRoutes(app: Api, context: ApiContext): void {
  app.get(
    '/doors',
    {
      config: { who: 'reader' },
      schema: {
        summary: 'On which ports devices speak MQTT to the hub',
        response: { 200: z.object({ doors }) },
      },
    },
    async () => ({ doors: { ...context.doors(), websocket_path: '/mqtt' as const } }),
  )
}
