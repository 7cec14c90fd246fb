import { expect, test } from 'vitest'
import type { QuietHours } from '../../src/notifications/policies.js'
import { quietUntil } from '../../src/notifications/quiet.js'

const night: QuietHours = { from: '22:00', to: '07:00', passes: 'critical' }
const noon: QuietHours = { ...night, from: '12:00', to: '13:30' }
const early: QuietHours = { ...night, from: '02:30', to: '04:00' }
const weekend: QuietHours = { ...night, days: ['fri', 'sat'] }
const at = (text: string) => Date.parse(text)

test.each<[string, QuietHours, string, string, string | null]>([
  ['before they begin', night, 'Europe/Paris', '2026-07-01T21:59:59+02:00', null],
  ['at the minute they begin', night, 'Europe/Paris', '2026-07-01T22:00:00+02:00', '2026-07-02T07:00:00+02:00'],
  ['after midnight', night, 'Europe/Paris', '2026-07-02T06:59:59+02:00', '2026-07-02T07:00:00+02:00'],
  ['when they have ended', night, 'Europe/Paris', '2026-07-02T07:00:00+02:00', null],
  ['elsewhere', night, 'America/New_York', '2026-07-02T06:59:59+02:00', '2026-07-02T07:00:00-04:00'],
  ['within a day', noon, 'UTC', '2026-07-01T12:30:00Z', '2026-07-01T13:30:00Z'],
  [
    'in a night that is an hour shorter',
    night,
    'Europe/Paris',
    '2026-03-29T01:30:00+01:00',
    '2026-03-29T07:00:00+02:00',
  ],
  [
    'in a night that is an hour longer',
    night,
    'Europe/Paris',
    '2026-10-25T02:30:00+02:00',
    '2026-10-25T07:00:00+01:00',
  ],
  ['in an hour that is left out', early, 'Europe/Paris', '2026-03-29T03:30:00+02:00', '2026-03-29T04:00:00+02:00'],
  ['on a day of theirs', weekend, 'UTC', '2026-07-04T03:00:00Z', '2026-07-04T07:00:00Z'],
  ['on no day of theirs', weekend, 'UTC', '2026-07-06T23:00:00Z', null],
])('quiet hours %s', (_, hours, timezone, now, until) => {
  expect(quietUntil(hours, timezone, at(now))).toBe(until === null ? null : at(until))
})
