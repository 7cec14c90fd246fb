import { z } from 'zod'
import { getDevice } from '../devices/devices.js'
import { type DeviceState, getState, mergeDesired, openDifference } from '../devices/state.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { checkDevice } from './rights.js'
import { byId, json, time } from './schemas.js'

const state = z.object({
  device_id: z.string(),
  home_id: z.string(),
  reported: json,
  reported_version: z.int(),
  reported_at: time.nullable(),
  desired: json,
  desired_version: z.int(),
  desired_at: time.nullable(),
  open: json.describe('What is desired and not reported so yet'),
})
const answer = { 200: z.object({ state }) }
const shown = (state: DeviceState) => ({ state: { ...state, open: openDifference(state.desired, state.reported) } })

export function stateRoutes(app: Api, { store: { db }, desiredChanged }: ApiContext): void {
  app.get(
    '/devices/:id/state',
    {
      config: { who: 'reader', hears: 'state' },
      schema: { summary: 'Read reported and desired state', params: byId, response: answer },
    },
    async request => shown(await getState(db, checkDevice(request, await getDevice(db, request.params.id)))),
  )
  app.patch(
    '/devices/:id/desired',
    {
      config: { who: 'member', hears: 'state', action: 'device.desire' },
      bodyLimit: 64 * 1024,
      schema: {
        summary: 'Merge a wish into the desired state (JSON Merge Patch: null removes a name)',
        params: byId,
        body: json,
        response: answer,
      },
    },
    async request => {
      const device = checkDevice(request, await getDevice(db, request.params.id))
      const { id, home_id } = device
      const about = { target: `device/${id}`, home_id, detail: { names: Object.keys(request.body).slice(0, 20) } }
      const state = await audited(request, db, tx => mergeDesired(tx, device, request.body), about)
      await desiredChanged({ id, home_id })
      return shown(state)
    },
  )
}
