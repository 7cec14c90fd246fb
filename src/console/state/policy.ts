import type { Contact, Policy, QuietHours, Routes } from '../../client/routes.js'
import { everyNight } from './hours.ts'

type Severity = QuietHours['passes']

/** A step as it is written. */
export interface StepDraft {
  readonly id: number
  readonly after_minutes: string
  /** Null for every contact of the home. */
  readonly contact_ids: readonly string[] | null
  readonly min_severity: Severity
}

/** A policy as it is written. */
export interface PolicyDraft {
  readonly steps: readonly StepDraft[]
  readonly repeat: { readonly every_minutes: string; readonly times: string } | null
  readonly quiet_hours: Required<QuietHours> | null
  readonly tell_closed: boolean
  /** Empty for never. */
  readonly close_after_days: string
}

/** Whoever sets up quiet hours first sees these. */
export const quietNights: Required<QuietHours> = { ...everyNight, passes: 'critical' }

const minutes = (seconds: number) => String(seconds / 60)
const seconds = (minutes: string) => Math.round(Number(minutes) * 60)

export const draftOf = ({ steps, repeat, quiet_hours, tell_closed, close_after_days }: Policy): PolicyDraft => ({
  steps: steps.map(({ after_seconds, ...step }, id) => ({ ...step, id, after_minutes: minutes(after_seconds) })),
  repeat: repeat && { every_minutes: minutes(repeat.every_seconds), times: String(repeat.times) },
  quiet_hours: quiet_hours && { ...everyNight, ...quiet_hours },
  tell_closed,
  close_after_days: close_after_days === null ? '' : String(close_after_days),
})

/** A step that is told after another one, or at once. */
export const stepAfter = (before: StepDraft | undefined): StepDraft => ({
  id: (before?.id ?? 0) + 1,
  after_minutes: before?.after_minutes ?? '0',
  contact_ids: null,
  min_severity: 'warning',
})

/** What was written, as the API takes it, without contacts that are gone meanwhile. */
export function changesOf(
  { steps, repeat, close_after_days, ...rest }: PolicyDraft,
  contacts: readonly Contact[],
): Routes['PATCH /settings/policies/{home_id}']['body'] {
  const isKnown = (id: string) => contacts.some(contact => contact.id === id)
  return {
    ...rest,
    steps: steps.map(({ after_minutes, contact_ids, min_severity }) => ({
      after_seconds: seconds(after_minutes),
      contact_ids: contact_ids === null ? null : contact_ids.filter(isKnown),
      min_severity,
    })),
    repeat: repeat && { every_seconds: seconds(repeat.every_minutes), times: Number(repeat.times) },
    close_after_days: close_after_days === '' ? null : Number(close_after_days),
  }
}
