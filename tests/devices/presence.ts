import { pino } from 'pino'
import { Alerts } from '../../src/alerts/alerts.js'
import { Presences } from '../../src/bridge/presence.js'
import { HearthClient } from '../../src/client/client.js'
import type { Presence } from '../../src/devices/presence.js'
import { Rules } from '../../src/rules/evaluation.js'
import type { Store } from '../../src/store/store.js'
import type { TestHub } from '../helper.js'

type Asked = { readonly client: Pick<HearthClient, 'get'> }

interface Shown extends Pick<Presence, 'status' | 'reason' | 'session' | 'wakes_at'> {
  readonly connected: boolean
  readonly since: number | null
  readonly last_seen_at: number | null
}

/** A device's presence as the API tells it. */
export const presenceOf = async ({ client }: Asked, id: string): Promise<Shown> =>
  (await client.get<{ presence: Shown }>(`/devices/${id}/presence`)).presence

/** The changes of a device's presence, oldest first. */
export const timelineOf = async ({ client }: Asked, id: string, query = '') => {
  const path = `/devices/${id}/presence/timeline${query}`
  const { timeline } = await client.get<{
    timeline: (Pick<Presence, 'status' | 'reason' | 'session'> & { at: number })[]
  }>(path)
  return timeline.reverse()
}

/** Says a heartbeat as the device whose key this is. */
export const heartbeatOverHttp = ({ http_url }: Pick<TestHub, 'http_url'>, api_key: string, vitals: object) =>
  new HearthClient({ url: http_url, api_key }).post('/devices/heartbeat', vitals)

/** Presences beside those of a hub, which tell what they change to `publish`. */
export function presencesOf(store: Store, publish: (topic: string, payload: string) => Promise<void>): Presences {
  const log = pino({ level: 'silent' })
  const rules = new Rules(store, new Alerts(store, { publish, retainedBelow: () => [] }, log), log)
  return new Presences({ store, publish, log, rules })
}
