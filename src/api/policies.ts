import { z } from 'zod'
import { getHome } from '../homes/homes.js'
import { listPolicies, policyShape, updatePolicy } from '../notifications/policies.js'
import type { Api } from './api.js'
import { audited } from './audited.js'
import type { ApiContext } from './context.js'
import { checkRight, ownHomes } from './rights.js'
import { id, next_cursor, page, time } from './schemas.js'

const policy = z.object({
  home_id: z.string(),
  ...policyShape,
  updated_at: time.nullable().describe('Null while it is the default'),
})

/** When a home tells whom. */
export function policyRoutes(app: Api, { store: { db }, notifier }: ApiContext): void {
  app.get(
    '/settings/policies',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'Whom my homes tell of alerts, and when',
        querystring: z.strictObject({ ...page, home_id: id.optional() }),
        response: { 200: z.object({ policies: z.array(policy), next_cursor }) },
      },
    },
    async request => {
      const { home_id, ...asked } = request.query
      const { rows: policies, next_cursor } = await listPolicies(db, { ...asked, homes: ownHomes(request, home_id) })
      return { policies, next_cursor }
    },
  )
  app.patch(
    '/settings/policies/:home_id',
    {
      config: { who: 'owner', action: 'policy.change' },
      schema: {
        summary: 'Change whom a home tells of alerts, and when',
        params: z.strictObject({ home_id: id }),
        body: z.strictObject(policyShape).partial(),
        response: { 200: z.object({ policy }) },
      },
    },
    async request => {
      const { home_id } = request.params
      checkRight(request, { home_id }, 'home')
      await getHome(db, home_id)
      const about = { target: `policy/${home_id}`, home_id, detail: request.body }
      const changed = await audited(request, db, tx => updatePolicy(tx, home_id, request.body), about)
      notifier.wake()
      return { policy: changed }
    },
  )
}
