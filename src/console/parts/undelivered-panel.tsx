import type { Notification } from '../../client/routes.js'
import { zoneOf } from '../state/homes.ts'
import { usePages } from '../state/pages.ts'
import { session } from '../state/session.ts'
import { Act } from './act.tsx'
import { Notice } from './alert-notices.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'

/** What nobody could be told in all its attempts; each may be sent again, as often as a new one. */
export function UndeliveredPanel() {
  const { value, again, more } = usePages<Notification>('undelivered', async page => {
    const query = { ...page, status: 'dead' as const }
    const { notifications: rows, next_cursor } = await session.call('GET /ops/notifications', { query })
    return { rows, next_cursor }
  })
  return (
    <Panel id="undelivered" title="Given up">
      <Read value={value} again={again}>
        {({ rows, next_cursor }) => (
          <>
            {rows.length === 0 && <Empty>Everybody was told what they were to be told.</Empty>}
            <ul class="steps">
              {rows.map(notice => (
                <Notice key={notice.id} notice={notice} zone={zoneOf(notice.home_id)}>
                  <Resend notice={notice} sent={again} />
                </Notice>
              ))}
            </ul>
            {next_cursor !== null && <Act name="Show older" about="given up" act={more} />}
          </>
        )}
      </Read>
    </Panel>
  )
}

function Resend({ notice: { id, contact_name, alert_id }, sent }: { notice: Notification; sent: () => Promise<void> }) {
  const send = async () => {
    await session.call('POST /ops/notifications/{id}/retry', { params: { id } })
    await sent()
  }
  return (
    <div class="row">
      <Act name="Send again" about={`to ${contact_name}`} act={send} />
      {alert_id !== null && <a href={`/alerts/${alert_id}`}>Its alert</a>}
    </div>
  )
}
