import type { HearthClient } from '../../src/client/client.js'
import { until } from '../helper.js'

export interface ShownRule {
  readonly id: string
  readonly key: string
  readonly home_id: string
}
export interface ShownAlert {
  readonly id: string
  readonly device_id: string
  readonly home_id: string
  readonly key: string
  readonly rule_id: string
  readonly severity: string
  readonly message: string
  readonly status: string
  readonly times: number
  readonly data: { readonly values: Record<string, unknown> }
  readonly raised_at: number
  readonly last_raised_at: number
  readonly cleared_at: number | null
}

type Client = Pick<HearthClient, 'get' | 'post'>

/** A rule for the home called `home`, unless it says otherwise. */
export const makeRule = async (client: Client, condition: object, more: object = {}): Promise<ShownRule> => {
  const place = 'device_id' in more ? {} : { home_id: 'home' }
  return (await client.post<{ rule: ShownRule }>('/alert-rules', { name: 'rule', ...place, condition, ...more })).rule
}

export const alertsOf = async (client: Client, query = ''): Promise<ShownAlert[]> =>
  (await client.get<{ alerts: ShownAlert[] }>(`/alerts?source=rule${query}`)).alerts

/** The only alert of a rule, once it fits. */
export const alertWhich = (client: Client, fits: (alert: ShownAlert) => boolean): Promise<ShownAlert> =>
  until(async () => (await alertsOf(client)).find(fits))

export const isActive = ({ cleared_at, status }: ShownAlert) => cleared_at === null && status !== 'closed'
export const isCleared = ({ cleared_at }: ShownAlert) => cleared_at !== null
export const above = (limit: number, more: object = {}) => ({ type: 'threshold', field: 't', above: limit, ...more })
