import type { Alert } from '../alerts/rows.js'
import type { Severity } from '../inbound.js'
import type { notificationEvents } from '../store/notification-tables.js'

type Event = (typeof notificationEvents)[number]

/** What is sent, as webhooks get it. Made once, so that every attempt says the same. */
export interface Notice {
  readonly type: `alert.${Exclude<Event, 'test'>}` | 'test'
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly data: {
    readonly alert: Pick<Alert, (typeof told)[number]> | null
    /** Of what was written down by an older hub the time zone is not known. */
    readonly home: { readonly id: string; readonly name: string; readonly timezone?: string }
    readonly device: { readonly id: string; readonly name: string } | null
    /** Of the policy, from 0. */
    readonly step: number
  }
}

const told = [
  'id',
  'home_id',
  'device_id',
  'key',
  'source',
  'severity',
  'message',
  'data',
  'status',
  'times',
  'raised_at',
  'last_raised_at',
  'cleared_at',
  'acknowledged_at',
  'escalated_at',
  'closed_at',
] as const

/** What a device says with an alert may be large; nobody wants that in a message. In characters of JSON. */
const maxData = 16 * 1024

export function noticeOf(
  event: Exclude<Event, 'test'>,
  alert: Alert,
  { home, device, step }: Pick<Notice['data'], 'home' | 'device' | 'step'>,
  now: number,
): Notice {
  const entries = told.map(name => [name, alert[name]])
  const shown = Object.fromEntries(entries) as Pick<Alert, (typeof told)[number]>
  const data = JSON.stringify(alert.data).length > maxData ? null : alert.data
  return { type: `alert.${event}`, timestamp: now, data: { alert: { ...shown, data }, home, device, step } }
}

const marks: Readonly<Record<Notice['type'], string>> = {
  'alert.raised': '',
  'alert.escalated': 'Nobody has answered: ',
  'alert.reminder': 'Still: ',
  'alert.cleared': 'Over: ',
  'alert.closed': 'Closed: ',
  test: '',
}

const maxTitle = 200

/** A moment on the clocks of a home, like 21 Nov 2026, 23:53:24 UTC. */
const clockIn = (timeZone = 'UTC') => {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'medium', timeStyle: 'long' })
  return (at: number) => format.format(at)
}

/** The same in words, times as the home has them. The title is one line. */
export function wordsOf({ type, timestamp, data }: Notice): { title: string; text: string; severity: Severity } {
  const { alert, home, device } = data
  if (!alert)
    return {
      title: 'Test from Hearth',
      text: `This is a test of a contact of ${home.name}. Alerts will reach you here.`,
      severity: 'info',
    }
  const clock = clockIn(home.timezone)
  const where = device ? `${device.name}, ${home.name}` : home.name
  const title = oneLine(`${marks[type]}[${alert.severity}] ${alert.message}`)
  const text = [
    alert.message,
    '',
    `Where: ${where}`,
    `Severity: ${alert.severity}`,
    `Raised: ${clock(alert.raised_at)}`,
    `Status: ${alert.status}${alert.cleared_at === null ? '' : `, over since ${clock(alert.cleared_at)}`}`,
    `Told: ${clock(timestamp)}`,
    `Alert: ${alert.id}`,
  ].join('\n')
  return { title: title.slice(0, maxTitle).toWellFormed(), text, severity: alert.severity }
}

const oneLine = (text: string) => text.replaceAll(/\p{Cc}+/gu, ' ').trim()
