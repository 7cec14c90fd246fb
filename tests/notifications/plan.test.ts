import { expect, test } from 'vitest'
import type { Alert } from '../../src/alerts/rows.js'
import { backoffMs } from '../../src/notifications/backoff.js'
import { type Due, type Plan, planOf, type Telling } from '../../src/notifications/plan.js'
import { defaultPolicy, type Policy } from '../../src/notifications/policies.js'

const now = Date.UTC(2026, 6, 1, 12)
const minute = 60_000

const open: Alert = {
  id: 'a',
  home_id: 'home',
  device_id: null,
  key: 'k',
  source: 'device',
  rule_id: null,
  severity: 'major',
  message: 'x',
  data: null,
  status: 'open',
  times: 1,
  round: 0,
  raised_at: now,
  last_raised_at: now,
  cleared_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  escalated_at: null,
  closed_at: null,
  closed_by: null,
  step: 0,
  notify_at: now,
  told: 0,
  raisers: {},
  actor: 'device/x',
  updated_at: now,
}

const telling = (step: number, minutes: number, more: Partial<Telling> = {}): Telling => ({
  round: 0,
  step,
  at: now - minutes * minute,
  severity: 'major',
  ...more,
})

/** Told in five rounds of the last hour. */
const often = [50, 40, 30, 20, 10].map((minutes, round) => telling(0, minutes, { round }))

const all = { contact_ids: null, min_severity: 'warning' } as const
const escalating: Policy = {
  ...defaultPolicy,
  steps: [
    { after_seconds: 0, ...all, contact_ids: ['me'] },
    { after_seconds: 300, ...all, contact_ids: ['you'] },
    { after_seconds: 900, ...all },
  ],
  repeat: { every_seconds: 3600, times: 2 },
}
const delayed: Policy = { ...defaultPolicy, steps: [{ after_seconds: 300, ...all }] }
const quiet: Policy = { ...escalating, quiet_hours: { from: '11:30', to: '14:00', passes: 'critical' } }

/** Unless it says otherwise, the step before was told an hour ago. */
const due = (alert: Partial<Alert>, policy: Policy, more: Partial<Due> = {}): Due => ({
  alert: { ...open, ...alert },
  policy,
  timezone: 'UTC',
  begun_at: now,
  contacts: ['me', 'you'],
  told: [],
  tellings: alert.step ? [telling(alert.step - 1, 60)] : [],
  now,
  ...more,
})

const cases: readonly (readonly [promise: string, due: Due, plan: Partial<Plan>])[] = [
  [
    'with nothing said, everybody is told at once',
    due({}, defaultPolicy),
    { contacts: ['me', 'you'], notify_at: null },
  ],
  ['of what is less than a warning nobody is', due({ severity: 'info' }, defaultPolicy), { contacts: [] }],
  ['the first step is followed by the second', due({}, escalating), { contacts: ['me'], notify_at: now + 5 * minute }],
  [
    'the second is an escalation',
    due({ step: 1 }, escalating),
    { event: 'escalated', contacts: ['you'], step: 2, notify_at: now + 10 * minute },
  ],
  [
    'the last is told again',
    due({ step: 3 }, escalating),
    { event: 'reminder', contacts: ['me', 'you'], step: 4, notify_at: now + 60 * minute },
  ],
  ['as often as was said', due({ step: 4 }, escalating), { event: 'reminder', step: 5, notify_at: null }],
  ['who sees to it is not disturbed', due({ status: 'acknowledged' }, escalating), { contacts: [], notify_at: null }],
  ['a first step waits', due({}, delayed), { contacts: [], step: 0, notify_at: now + 5 * minute }],
  ['as long as was said', due({}, delayed, { begun_at: now - 5 * minute }), { contacts: ['me', 'you'], step: 1 }],
  ['quiet hours hold it', due({}, quiet), { contacts: [], step: 0, notify_at: now + 120 * minute }],
  ['but not what passes them', due({ severity: 'critical' }, quiet), { contacts: ['me'], step: 1 }],
  [
    'nor what somebody escalates by hand',
    due({ step: 2, escalated_at: now, status: 'escalated' }, quiet),
    { event: 'escalated', contacts: ['you'], step: 2 },
  ],
  [
    'by hand it goes on beyond the last step',
    due({ step: 6, escalated_at: now, status: 'escalated' }, escalating),
    { event: 'escalated', contacts: ['me', 'you'], step: 6, notify_at: null },
  ],
  [
    'those who were told hear that it is over',
    due({ cleared_at: now, step: 1, told: 1 }, escalating, { told: ['me', 'gone'] }),
    { event: 'cleared', contacts: ['me'], step: 1, notify_at: null },
  ],
  [
    'or closed',
    due({ status: 'closed', closed_at: now }, escalating, { told: ['me'] }),
    { event: 'closed', contacts: ['me'] },
  ],
  [
    'when quiet hours are',
    due({ status: 'closed', closed_at: now }, quiet, { told: ['me'] }),
    { contacts: [], notify_at: now + 120 * minute },
  ],
  [
    'if the home wants it',
    due({ status: 'closed', closed_at: now }, { ...escalating, tell_closed: false }, { told: ['me'] }),
    { contacts: [], notify_at: null },
  ],
  [
    'what another policy has told is not told again, and what is next comes when it is due by this one',
    due({ step: 1 }, escalating, { tellings: [telling(0, 2)] }),
    { contacts: [], step: 1, notify_at: now + 3 * minute },
  ],
  [
    'of what nobody was told the next step is due by when it was raised',
    due({ step: 1 }, escalating, { tellings: [], begun_at: now - 2 * minute }),
    { contacts: [], notify_at: now + 3 * minute },
  ],
  ['nothing comes of a step that there is no more', due({ step: 1 }, defaultPolicy), { contacts: [], notify_at: null }],
  [
    'what comes and goes is told five times an hour, and then rests',
    due({ round: 5, notify_at: now }, defaultPolicy, { tellings: often }),
    { contacts: [], step: 0, notify_at: now + 10 * minute },
  ],
  [
    'until the first of them is an hour ago',
    due({ round: 5 }, defaultPolicy, { tellings: often.slice(1) }),
    { contacts: ['me', 'you'], step: 1 },
  ],
  [
    'but not what is more severe than it was',
    due({ round: 5, severity: 'critical' }, defaultPolicy, { tellings: often }),
    { contacts: ['me', 'you'], step: 1 },
  ],
  [
    'and if it lasts, it is escalated in time',
    due({ round: 5 }, escalating, { tellings: often, begun_at: now - minute }),
    { contacts: [], notify_at: now + 4 * minute },
  ],
  [
    'to whom is next',
    due({ round: 5 }, escalating, { tellings: often, begun_at: now - 5 * minute }),
    { event: 'escalated', contacts: ['you'], step: 2 },
  ],
  [
    'or by hand at once',
    due({ round: 5, step: 1, escalated_at: now, status: 'escalated' }, defaultPolicy, { tellings: often }),
    { event: 'raised', contacts: ['me', 'you'] },
  ],
  [
    'that it is over rests as well',
    due({ round: 5, cleared_at: now }, escalating, { told: ['me'], tellings: often }),
    { contacts: [], notify_at: now + 10 * minute },
  ],
  [
    'unless somebody has closed it',
    due({ round: 5, cleared_at: now, status: 'closed' }, escalating, { told: ['me'], tellings: often }),
    { event: 'cleared', contacts: ['me'] },
  ],
  ['without steps nobody is told', due({}, { ...escalating, steps: [] }), { contacts: [], notify_at: null }],
]

test.each(cases)('%s', (_, asked, plan) => {
  expect(planOf(asked)).toMatchObject(plan)
})

test('attempts come at longer and longer distances, never all at once', () => {
  expect([1, 2, 3, 10, 11, 50].map(failed => backoffMs(failed, 1))).toEqual([
    5000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000,
  ])
  expect(backoffMs(1, 0)).toBe(2500)
})
