import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { type DeviceState, getState, mergeDesired } from '../devices/state.js'
import { listStateChanges, stateAt } from '../devices/state-history.js'
import { HubError } from '../errors.js'
import type { Db } from '../store/store.js'
import { openDifference } from '../twin.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { askerOf, checkDevice } from './rights.js'
import { byId, json, moment, next_cursor, page, time } from './schemas.js'

const part = z.enum(['reported', 'desired'])
const by = z.string().nullable().describe('Who wished; `device` when a change at the device itself ended a wish')
const state = z.object({
  device_id: z.string(),
  home_id: z.string(),
  reported: json,
  reported_version: z.int(),
  reported_at: time.nullable(),
  desired: json,
  desired_version: z.int(),
  desired_at: time.nullable(),
  desired_by: by,
  open: json.describe('What is desired and not reported so yet'),
})
const answer = { 200: z.object({ state }) }
const change = z.object({
  part,
  version: z.int(),
  at: time,
  by,
  change: json.describe('JSON Merge Patch from the version before to this one'),
})
type Shown = Omit<z.infer<typeof state>, 'open'>
const shown = (state: Shown) => ({ state: { ...state, open: openDifference(state.desired, state.reported) } })
const versionTag = (state: Pick<DeviceState, 'desired_version'>) => `"${state.desired_version}"`

export function stateRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/devices/:id/state',
    {
      config: { who: 'reader', hears: 'state' },
      schema: {
        summary: 'Read reported and desired state, as it is or as it was `at` a time',
        params: byId,
        querystring: z.strictObject({ at: moment.optional() }),
        response: answer,
      },
    },
    async (request, reply) => {
      const device = checkDevice(request, await getDevice(db, request.params.id))
      const { at } = request.query
      if (at !== undefined && at > Date.now())
        throw new HubError('invalid_request', 'Nobody knows what will be.', ['query/at: lies in the future'])
      if (at !== undefined) return shown(await wholeStateAt(db, device, at))
      const state = await getState(db, device)
      reply.header('etag', versionTag(state))
      return shown(state)
    },
  )
  app.get(
    '/devices/:id/state/history',
    {
      config: { who: 'reader', hears: 'state' },
      schema: {
        summary: 'Every change of reported and desired state, the newest first',
        params: byId,
        querystring: z.strictObject({
          ...page,
          part: part.optional(),
          start_time: moment.optional(),
          end_time: moment.optional(),
        }),
        response: { 200: z.object({ device_id: z.string(), changes: z.array(change), next_cursor }) },
      },
    },
    async request => {
      const { id: device_id } = checkDevice(request, await getDevice(db, request.params.id))
      const { rows: changes, next_cursor } = await listStateChanges(db, device_id, request.query)
      return { device_id, changes, next_cursor }
    },
  )
  wishRoute(app, context)
}

function wishRoute(app: Api, { store: { db }, desiredChanged }: ApiContext): void {
  app.patch(
    '/devices/:id/desired',
    {
      config: { who: 'member', hears: 'state', action: 'device.desire' },
      bodyLimit: 64 * 1024,
      schema: {
        summary:
          'Merge a wish into the desired state (JSON Merge Patch: null removes a name), with If-Match only if it is as I know it',
        params: byId,
        body: json,
        response: answer,
      },
    },
    async (request, reply) => {
      const device = checkDevice(request, await getDevice(db, request.params.id))
      const { id, home_id } = device
      const about = { target: `device/${id}`, home_id, detail: { names: Object.keys(request.body).slice(0, 20) } }
      const wish = { by: askerOf(request).id, expected: versionsIn(request.headers['if-match']) }
      const state = await audited(request, db, tx => mergeDesired(tx, device, request.body, wish), about)
      await desiredChanged({ id, home_id })
      reply.header('etag', versionTag(state))
      return shown(state)
    },
  )
}

/** The versions in an If-Match (RFC 9110, 13.1.1); undefined when any will do. @throws HubError `invalid_request` */
function versionsIn(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined
  return header.split(',').map(tag => {
    const [, version] = /^"(\d{1,15})"$/.exec(tag.trim()) ?? []
    if (version === undefined) throw new HubError('invalid_request', 'If-Match wants the ETag of the state, like "31".')
    return Number(version)
  })
}

async function wholeStateAt(db: Db, { id, home_id }: { id: string; home_id: string }, at: number): Promise<Shown> {
  const [reported, desired] = await Promise.all([stateAt(db, id, 'reported', at), stateAt(db, id, 'desired', at)])
  return {
    device_id: id,
    home_id,
    reported: reported.value,
    reported_version: reported.version,
    reported_at: reported.at,
    desired: desired.value,
    desired_version: desired.version,
    desired_at: desired.at,
    desired_by: desired.by,
  }
}
