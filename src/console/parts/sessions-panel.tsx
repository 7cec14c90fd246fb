import { useState } from 'preact/hooks'
import type { Session } from '../../client/routes.js'
import { everyPage } from '../state/pages.ts'
import { programText } from '../state/programs.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { zoneHere } from '../state/words.ts'
import { Act } from './act.tsx'
import { Confirm } from './confirm.tsx'
import { Panel, Read } from './panel.tsx'
import { Ago, Time } from './time.tsx'

const readSessions = () =>
  everyPage(async query => {
    const { sessions: rows, next_cursor } = await session.call('GET /users/me/sessions', { query })
    return { rows, next_cursor }
  })

/** Where I am signed in: here, and where I may have forgotten it. */
export function SessionsPanel() {
  const { value, again } = useRead<readonly Session[]>('sessions', readSessions)
  const [told, tell] = useState('')
  const endOthers = async () => {
    const { ended } = await session.call('DELETE /users/me/sessions')
    tell(ended === 1 ? 'One other session has ended.' : `${ended} other sessions have ended.`)
    await again()
  }
  return (
    <Panel id="sessions" title="Where you are signed in">
      <Read value={value} again={again}>
        {sessions => (
          <>
            <ul class="lines people">
              {sessions.map(one => (
                <SessionLine key={one.id} one={one} changed={again} />
              ))}
            </ul>
            {sessions.some(({ current }) => !current) && (
              <Confirm action="Sign out everywhere else" title="Sign out everywhere but here?" run={endOthers}>
                Whoever is signed in there needs your password to come back.
              </Confirm>
            )}
          </>
        )}
      </Read>
      <p role="status">{told}</p>
    </Panel>
  )
}

function SessionLine({ one, changed }: { one: Session; changed: () => Promise<void> }) {
  const { id, user_agent, address, created_at, last_used_at, current } = one
  const program = programText(user_agent)
  const end = async () => {
    await session.call('DELETE /users/me/sessions/{id}', { params: { id } })
    await changed()
  }
  return (
    <li>
      <span class="line-name" title={user_agent ?? undefined}>
        {program}
      </span>
      {current && <span>This one</span>}
      <span class="muted">
        {address !== null && `${address}, `}since <Time at={created_at} zone={zoneHere} />, last used{' '}
        <Ago at={last_used_at} zone={zoneHere} />
      </span>
      {!current && (
        <div class="row line-end">
          <Act name="Sign out" about={`${program}, ${address ?? 'from an unknown address'}`} act={end} />
        </div>
      )}
    </li>
  )
}
