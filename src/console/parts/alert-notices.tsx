import type { ComponentChildren } from 'preact'
import type { Notification } from '../../client/routes.js'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { Act } from './act.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

const shown = 100

/** Who was told of an alert, the newest first. That a message was sent is not told live: it can be looked at again. */
export function AlertNotices({ alert_id, version, zone }: { alert_id: string; version: number; zone: string }) {
  const read = () =>
    session.call('GET /alerts/{id}/notifications', { params: { id: alert_id }, query: { limit: shown } })
  const { value, again } = useRead(alert_id, read, version)
  return (
    <Panel id="told" title="Who was told">
      <Read value={value} again={again}>
        {({ notifications }) =>
          notifications.length === 0 ? (
            <Empty>Nobody was told of it.</Empty>
          ) : (
            <ul class="steps">
              {notifications.map(notice => (
                <Notice key={notice.id} notice={notice} zone={zone} />
              ))}
            </ul>
          )
        }
      </Read>
      <Act name="Look again" about="who was told" act={again} />
    </Panel>
  )
}

const outcomes: Readonly<Record<Notification['status'], string>> = {
  pending: 'Waits',
  sending: 'Is being sent',
  delivered: 'Delivered',
  dead: 'Given up',
  cancelled: 'Cancelled',
}

interface NoticeOptions {
  readonly notice: Notification
  readonly zone: string
  /** What can be done about it. */
  readonly children?: ComponentChildren
}

/** That somebody was to be told, and what became of it. */
export function Notice({ notice, zone, children }: NoticeOptions) {
  const { contact_name, event, status, settled_at, next_at, created_at, last_error, attempts } = notice
  return (
    <li>
      <p class="step-head">
        <strong>{contact_name}</strong>
        <span>{labelOf(event)}</span>
        <span class={status === 'dead' ? 'gave-up' : ''}>{outcomes[status]}</span>
        <Time at={settled_at ?? next_at ?? created_at} zone={zone} />
      </p>
      {last_error !== null && (
        <p class="muted">
          {last_error}
          {attempts.length > 1 && ` (${attempts.length} attempts)`}
        </p>
      )}
      {children}
    </li>
  )
}
