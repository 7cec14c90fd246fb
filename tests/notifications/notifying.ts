import { onTestFinished } from 'vitest'
import type { Notice } from '../../src/notifications/notice.js'
import { startHub, type TestHub, until } from '../helper.js'
import type { Received } from './receiver.js'

export interface Told {
  readonly id: string
  readonly contact_name: string
  readonly event: string
  readonly step: number
  readonly status: string
  readonly last_error: string | null
  readonly next_at: number | null
  readonly attempts: { readonly attempt: number; readonly fault: string | null }[]
}

interface Alert {
  readonly id: string
  readonly status: string
  readonly told: boolean
}

interface Made {
  readonly contact: { readonly id: string; readonly name: string }
  readonly secret: string | null
}

/** A hub that may send to this machine, until the test ends, with what tests of notifications ask of it. */
export async function startNotifying(env: Record<string, string> = {}) {
  const hub: TestHub = await startHub({ HEARTH_OUTBOUND_ALLOW: '127.0.0.1, localhost', ...env })
  onTestFinished(() => hub.close())
  const { client } = hub
  return {
    hub,
    client,
    contact: (name: string, where: object) => client.post<Made>('/settings/contacts', { name, ...where }),
    policy: (changes: object) => client.patch('/settings/policies/home', changes),
    raise: async (more: object = {}) =>
      (
        await client.post<{ alert: Alert }>('/alerts', {
          home_id: 'home',
          severity: 'critical',
          message: 'Water',
          ...more,
        })
      ).alert,
    act: async (id: string, what: string) => (await client.post<{ alert: Alert }>(`/alerts/${id}/${what}`, {})).alert,
    alert: async (id: string) => (await client.get<{ alert: Alert }>(`/alerts/${id}`)).alert,
    told: async (alert_id: string) =>
      (await client.get<{ notifications: Told[] }>(`/alerts/${alert_id}/notifications`)).notifications.toReversed(),
  }
}

export const noticeIn = ({ body }: Received): Notice => JSON.parse(body)

/** Waits until so many have come. */
export const come = (received: readonly Received[], count: number) =>
  until(() => (received.length >= count ? received : null))
