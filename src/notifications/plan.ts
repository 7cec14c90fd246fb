import type { Alert } from '../alerts/rows.js'
import { type Severity, severities } from '../inbound.js'
import type { notificationEvents } from '../store/notification-tables.js'
import type { Policy } from './policies.js'
import { quietUntil } from './quiet.js'

/** A step that was told in a round of an alert. */
export interface Telling {
  readonly round: number
  readonly step: number
  readonly at: number
  readonly severity: Severity
}

/** What there is to know of an alert whose time has come. Times in milliseconds since 1970. */
export interface Due {
  readonly alert: Alert
  readonly policy: Policy
  readonly timezone: string
  /** When the present round of the alert began. */
  readonly begun_at: number
  /** The contacts of the home that may be told, and those that were told of this alert and not yet that it is over. */
  readonly contacts: readonly string[]
  readonly told: readonly string[]
  /** What was told in this round, and in others within the last hour. */
  readonly tellings: readonly Telling[]
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

/**
 * An alert that comes and goes, or is now more severe and now less: so often each step tells of it within so long, in milliseconds, and no oftener. What
 * was told of something less severe does not count.
 */
const mostOften = 5
export const oftenMs = 3_600_000

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
  const held = heard.length > 0 ? (restsUntil(due) ?? heldUntil(due)) : null
  if (held !== null) return wait(due, held)
  return { event: alert.cleared_at === null ? 'closed' : 'cleared', contacts: heard, step: alert.step, notify_at: null }
}

function planStep(due: Due): Plan {
  const { alert } = due
  // Somebody escalated it by hand: the step was counted, and neither quiet hours nor waiting hold it.
  const asked = alert.notify_at !== null && alert.notify_at === alert.escalated_at
  return asked ? tell(due, Math.max(0, alert.step - 1), true) : planFrom(due, alert.step)
}

function planFrom(due: Due, index: number): Plan {
  const { now } = due
  const due_at = dueAt(due, index)
  if (due_at === null || due_at > now) return wait(due, due_at)
  const rests = stepRestsUntil(due, index)
  if (rests !== null) return planBeyond(due, index, rests)
  const held = heldUntil(due)
  return held === null ? tell(due, index, false) : wait(due, held)
}

/** A step that was told too often rests; what lasts is escalated in its time all the same. */
function planBeyond(due: Due, index: number, rests: number): Plan {
  if (index + 1 >= due.policy.steps.length) return wait(due, rests)
  const next = planFrom(due, index + 1)
  return next.contacts.length > 0 ? next : wait(due, Math.min(rests, next.notify_at ?? rests))
}

/** Until when a step has been told too often; null when it may be told. */
function stepRestsUntil({ alert, tellings, now }: Due, step: number): number | null {
  const told = tellings.filter(
    one => one.step === step && one.at > now - oftenMs && isAsSevere(one.severity, alert.severity),
  )
  const first = told.map(({ at }) => at).sort((a, b) => b - a)[mostOften - 1]
  return first === undefined ? null : first + oftenMs
}

/** That it is over is told when it could be told again that it is not: nobody shall believe so of what comes and goes. */
function restsUntil(due: Due): number | null {
  if (due.alert.status === 'closed') return null
  const rests = due.tellings.map(({ step }) => stepRestsUntil(due, step) ?? 0)
  return Math.max(0, ...rests) || null
}

function tell(due: Due, index: number, asked: boolean): Plan {
  const { alert, policy, now } = due
  const { steps } = policy
  const step = steps[Math.min(index, steps.length - 1)]
  if (!step) return wait(due, null)
  const contacts = isAsSevere(alert.severity, step.min_severity) ? chosen(due, step.contact_ids) : []
  const event = index === 0 ? 'raised' : index < steps.length || asked ? 'escalated' : 'reminder'
  return { event, contacts, step: index + 1, notify_at: dueAt(due, index + 1, { step: index, at: now }) }
}

const chosen = ({ contacts }: Due, ids: readonly string[] | null) =>
  ids === null ? contacts : contacts.filter(id => ids.includes(id))

/** What was told last in this round. */
const lastOf = ({ alert, tellings }: Due) =>
  tellings
    .filter(({ round }) => round === alert.round)
    .reduce<Telling | null>((a, b) => (a && a.at > b.at ? a : b), null)

/**
 * When a step is due; null when there is none. Counted from what was told last, so that a hub that was away does not tell all at once, nor one of
 * which the policy has changed.
 */
function dueAt(due: Due, index: number, last: Pick<Telling, 'step' | 'at'> | null = lastOf(due)): number | null {
  const { steps, repeat } = due.policy
  const step = steps[index]
  if (step && last) return last.at + (step.after_seconds - (steps[last.step]?.after_seconds ?? 0)) * 1000
  if (step) return due.begun_at + step.after_seconds * 1000
  const reminders = index - steps.length
  return repeat && steps.length > 0 && reminders < repeat.times
    ? (last?.at ?? due.begun_at) + repeat.every_seconds * 1000
    : null
}

function heldUntil({ alert, policy: { quiet_hours }, timezone, now }: Due): number | null {
  if (quiet_hours === null || isAsSevere(alert.severity, quiet_hours.passes)) return null
  return quietUntil(quiet_hours, timezone, now)
}
