import { z } from 'zod'
import { changeModel, listModels } from '../audio/model-config.js'
import { notFound } from '../errors.js'
import { getHome } from '../homes/homes.js'
import { severities } from '../inbound.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { homeFor } from './devices.js'
import { askerOf, checkRight } from './rights.js'
import { id, json } from './schemas.js'

const severity = z.enum(severities)
const model = z.object({
  home_id: z.string(),
  model_key: z.string(),
  title: z.string(),
  enabled: z.boolean(),
  severity: severity.describe('Of its alerts: as the home has chosen, else the detector’s own'),
  thresholds: json,
})
const home_id = id.optional().describe('My only home, or the first home of all, when left out')
const changes = z.strictObject({
  home_id,
  enabled: z.boolean().optional(),
  severity: severity.nullable().optional().describe('null takes it back to the detector’s own'),
  thresholds: json.optional().describe('Those named are changed; null takes one back to the detector’s own'),
})

export function modelConfigRoutes(app: Api, { store: { db }, audio: { detectors } }: ApiContext): void {
  const modelsOf = async (home_id: string) =>
    (await listModels(db, detectors, home_id)).map(({ chosen: _, ...model }) => ({ home_id, ...model }))
  app.get(
    '/model-config',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'What a home listens for in recordings, and from which thresholds',
        querystring: z.strictObject({ home_id }),
        response: { 200: z.object({ models: z.array(model) }) },
      },
    },
    async request => {
      const home_id = request.query.home_id ?? homeFor(askerOf(request))
      checkRight(request, { home_id }, 'home')
      await getHome(db, home_id)
      return { models: await modelsOf(home_id) }
    },
  )
  app.patch(
    '/model-config/:model_key',
    {
      config: { who: 'owner', action: 'model.change' },
      schema: {
        summary: 'Change what a home listens for: recordings from now on are listened to so',
        params: z.strictObject({ model_key: z.string().max(64) }),
        body: changes,
        response: { 200: z.object({ model }) },
      },
    },
    async request => {
      const { model_key } = request.params
      const { home_id = homeFor(askerOf(request)), ...wanted } = request.body
      checkRight(request, { home_id }, 'home')
      await getHome(db, home_id)
      const about = { target: `model/${model_key}`, home_id, detail: wanted }
      await audited(request, db, tx => changeModel(tx, detectors, home_id, model_key, wanted), about)
      const model = (await modelsOf(home_id)).find(one => one.model_key === model_key)
      if (!model) throw notFound('model')
      return { model }
    },
  )
}
