import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { desiredPayload, getState } from '../devices/state.js'
import { HubError } from '../errors.js'
import { desired, heartbeat, state, telemetry } from '../messages.js'
import type { Api } from './api.js'
import { keepJsonBodies } from './body.js'
import type { ApiContext } from './context.js'
import { device } from './devices.js'
import { idempotencyKeyOf } from './idempotency.js'
import { deviceOf } from './rights.js'
import { json, time } from './schemas.js'

const view = z.object({ device, desired, now: time })
const wishes = z.object({ desired: json, version: z.int() })
const stored = z.object({ stored: z.literal(true) })
/** The bodies are judged by the bridge, as what comes by MQTT is; their schemas are here for the documents. */
const unjudged = () => (value: unknown) => ({ value })

/** What a device says, taken as if it came on the topic `devices/{id}/{rest}`. */
const told = [
  {
    method: 'PUT',
    url: '/devices/config',
    rest: 'state',
    body: state,
    summary: 'Report the device’s state, partial or whole',
  },
  {
    method: 'POST',
    url: '/devices/heartbeat',
    rest: 'heartbeat',
    body: heartbeat,
    summary: 'Say that the device is alive, with vitals',
  },
  {
    method: 'POST',
    url: '/telemetry',
    rest: 'telemetry',
    body: telemetry,
    summary: 'Store readings; answered after the commit',
  },
] as const

/** What a device may do for itself over HTTP: what it would do over MQTT. */
export function ownRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  keepJsonBodies(app)
  app.get(
    '/devices/status',
    { config: { who: 'device' }, schema: { summary: 'A device’s own view of itself', response: { 200: view } } },
    async request => {
      const { id, home_id } = deviceOf(request)
      const [device, state] = await Promise.all([getDevice(db, id), getState(db, { id, home_id })])
      return { device, desired: desired.parse(JSON.parse(desiredPayload(state))), now: Date.now() }
    },
  )
  app.get(
    '/devices/config',
    {
      config: { who: 'device' },
      schema: { summary: 'What is desired of the device, whole, with its version', response: { 200: wishes } },
    },
    async request => {
      const { desired, desired_version } = await getState(db, deviceOf(request))
      return { desired, version: desired_version }
    },
  )
  for (const { method, url, rest, body, summary } of told) {
    app.route({
      method,
      url,
      config: { who: 'device' },
      validatorCompiler: unjudged,
      schema: { summary, body, response: { 202: stored } },
      handler: async (request, reply) => {
        await take(context, request, rest)
        return reply.code(202).send({ stored: true })
      },
    })
  }
}

async function take({ ingest }: ApiContext, request: FastifyRequest, rest: string): Promise<void> {
  const { body } = request
  if (!Buffer.isBuffer(body)) throw new HubError('invalid_request', 'The body is missing.')
  throwIfQuarantined(await ingest(deviceOf(request), rest, body, messageIdOf(idempotencyKeyOf(request))))
}

/** An idempotency key as the packet identifier of a message that may have come before; MQTT's own end at 65,535. */
function messageIdOf(key: string | undefined): number | null {
  return key === undefined ? null : 65_536 + createHash('sha256').update(key).digest().readUIntBE(0, 6)
}

/** @throws HubError `invalid_payload` with the reason and the quarantine's id */
export function throwIfQuarantined({ quarantined }: Awaited<ReturnType<ApiContext['ingest']>>): void {
  if (!quarantined) return
  const { id, message } = quarantined
  throw new HubError('invalid_payload', 'The message was quarantined.', [message, `quarantine_id: ${id}`])
}
