import type { Alert } from '../alerts/rows.js'
import { type Severity, severities } from '../inbound.js'
import type { notificationEvents } from '../store/notification-tables.js'
import type { Policy } from './policies.js'
import { quietUntil } from './quiet.js'

/** What there is to know of an alert whose time has come. Times in milliseconds since 1970. */
export interface Due {
  readonly alert: Alert
  readonly policy: Policy
  readonly timezone: string
  /** When the present round of the alert began. */
  readonly begun_at: number
  /** The contacts of the home that may be told, and those that were told of this alert. */
  readonly contacts: readonly string[]
  readonly told: readonly string[]
  readonly now: number
}

/** Whom to tell now, and when to look again. */
export interface Plan {
  readonly event: Exclude<(typeof notificationEvents)[number], 'test'>
  readonly contacts: readonly string[]
  /** The steps told in this round, this one included. */
  readonly step: number
  /** Null when there is nothing more to tell. */
  readonly notify_at: number | null
}

const isAsSevere = (one: Severity, other: Severity) => severities.indexOf(one) <= severities.indexOf(other)

/** Decides by the policy alone; nothing here reads or writes. */
export function planOf(due: Due): Plan {
  const { alert } = due
  if (alert.cleared_at !== null || alert.status === 'closed') return planEnd(due)
  if (alert.status === 'acknowledged') return wait(due, null)
  return planStep(due)
}

const wait = ({ alert: { step } }: Due, notify_at: number | null): Plan => ({
  event: 'raised',
  contacts: [],
  step,
  notify_at,
})

/** Those who were told hear that it is over. */
function planEnd(due: Due): Plan {
  const { alert, policy, contacts, told } = due
  const heard = policy.tell_closed ? contacts.filter(id => told.includes(id)) : []
  const held = heard.length > 0 ? heldUntil(due) : null
  if (held !== null) return wait(due, held)
  return { event: alert.cleared_at === null ? 'closed' : 'cleared', contacts: heard, step: alert.step, notify_at: null }
}

function planStep(due: Due): Plan {
  const { alert, policy, begun_at, now } = due
  const { steps } = policy
  // Somebody escalated it by hand: the step was counted, and neither quiet hours nor waiting hold it.
  const asked = alert.notify_at !== null && alert.notify_at === alert.escalated_at
  const index = asked ? Math.max(0, alert.step - 1) : alert.step
  const step = steps[Math.min(index, steps.length - 1)]
  if (!step) return wait(due, null)
  const first_at = begun_at + step.after_seconds * 1000
  if (!asked && index === 0 && first_at > now) return wait(due, first_at)
  const held = asked ? null : heldUntil(due)
  if (held !== null) return wait(due, held)
  const contacts = isAsSevere(alert.severity, step.min_severity) ? chosen(due, step.contact_ids) : []
  const event = index === 0 ? 'raised' : index < steps.length || asked ? 'escalated' : 'reminder'
  return { event, contacts, step: index + 1, notify_at: nextAt(policy, index, now) }
}

const chosen = ({ contacts }: Due, ids: readonly string[] | null) =>
  ids === null ? contacts : contacts.filter(id => ids.includes(id))

/** When the step after this one is due; counted from now, so that a hub that was away does not tell all at once. */
function nextAt({ steps, repeat }: Policy, index: number, now: number): number | null {
  const [step, next] = [steps[index], steps[index + 1]]
  if (step && next) return now + (next.after_seconds - step.after_seconds) * 1000
  const reminders = index - (steps.length - 1)
  return repeat && reminders < repeat.times ? now + repeat.every_seconds * 1000 : null
}

function heldUntil({ alert, policy: { quiet_hours }, timezone, now }: Due): number | null {
  if (quiet_hours === null || isAsSevere(alert.severity, quiet_hours.passes)) return null
  return quietUntil(quiet_hours, timezone, now)
}
