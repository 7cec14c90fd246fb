import type { Generated } from 'kysely'
import type { Severity } from '../inbound.js'
import type { Json, Time } from './columns.js'

export const alertStatuses = ['open', 'acknowledged', 'escalated', 'closed'] as const
export type AlertStatus = (typeof alertStatuses)[number]
export const alertSources = ['device', 'rule', 'detector', 'person'] as const
export const alertActions = [
  'raised',
  'raised_again',
  'severity_changed',
  'cleared',
  'acknowledged',
  'escalated',
  'closed',
  'commented',
] as const

export interface AlertTables {
  /** One is open at most of a device and key; those of a home as a whole have no device. */
  alerts: {
    id: string
    home_id: string
    device_id: string | null
    key: string
    source: (typeof alertSources)[number]
    rule_id: string | null
    severity: Severity
    message: string
    data: Json<Record<string, unknown> | null>
    status: AlertStatus
    /** How often it was raised. */
    times: number
    /** From 0: one more when it is raised after it was cleared, or becomes more severe; people are told anew. */
    round: number
    raised_at: Time
    last_raised_at: Time
    /** Since when what it is about is over; null while it is not. */
    cleared_at: Time | null
    acknowledged_at: Time | null
    acknowledged_by: string | null
    escalated_at: Time | null
    closed_at: Time | null
    closed_by: string | null
    /** How far people have been told in this round: the step of the policy, from 0. */
    step: number
    /** When the notifier has to look at it; null when there is nothing to tell. */
    notify_at: Time | null
    /** 1 when somebody was told of it. */
    told: number
    /** Whoever has raised it, as kind and id: when it last raised it or took it back, and whether (1) to it the matter is over. */
    raisers: Json<Readonly<Record<string, { readonly at: Time; readonly over: 0 | 1 }>>>
    /** Who changed it last: kind and id, e.g. `person/abc`. */
    actor: string
    updated_at: Time
  }
  /** What became of an alert; triggers write all steps but comments. */
  alert_steps: {
    id: Generated<number>
    alert_id: string
    at: Time
    action: (typeof alertActions)[number]
    actor: string
    status: AlertStatus
    severity: Severity
    comment: string | null
  }
}
