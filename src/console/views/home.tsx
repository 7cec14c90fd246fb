import { useLocation, useRoute } from 'preact-iso'
import type { Home } from '../../client/routes.js'
import { ClaimsPanel } from '../parts/claims-panel.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { HomeSettings } from '../parts/home-settings.tsx'
import { Panel } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { RoomsPanel } from '../parts/rooms-panel.tsx'
import { Title } from '../parts/states.tsx'
import { forgetHome, homeOf, mayOwn, progress } from '../state/homes.ts'
import { session } from '../state/session.ts'

/** What a home is called, its time, its rooms, and how long its readings are kept. */
export default function HomeView() {
  const { params } = useRoute()
  const home = homeOf(params.id ?? '')
  const isMissing = !home && progress.value === 'ready'
  return (
    <>
      <Title text={home?.name ?? (isMissing ? 'There is no such home' : 'Home')} />
      <Ready>{home ? <Shown key={home.id} home={home} /> : <a href="/">To your homes</a>}</Ready>
    </>
  )
}

function Shown({ home }: { home: Home }) {
  const isMine = mayOwn(home.id)
  return (
    <div class="columns">
      <div>
        <RoomsPanel home_id={home.id} isMine={isMine} />
        {isMine && <ClaimsPanel home_id={home.id} zone={home.timezone} />}
      </div>
      <div>
        <Panel id="settings" title="Settings">
          {isMine ? <HomeSettings home={home} /> : <Facts home={home} />}
        </Panel>
        {isMine && <Deletion home={home} />}
      </div>
    </div>
  )
}

function Deletion({ home: { id, name } }: { home: Home }) {
  const { route } = useLocation()
  const run = async () => {
    await session.call('DELETE /homes/{id}', { params: { id } })
    route('/')
    forgetHome(id)
  }
  return (
    <Panel id="deletion" title="Delete this home">
      <p class="muted">Only a home without devices can be deleted: move or delete them first.</p>
      <Confirm action="Delete" about={name} title={`Delete ${name}?`} typed={name} run={run}>
        Its rooms, groups, rules and alerts are deleted with it, and nobody belongs to it any more.
      </Confirm>
    </Panel>
  )
}

function Facts({ home: { timezone, retention } }: { home: Home }) {
  return (
    <>
      <p>Time zone: {timezone}</p>
      <p>Readings are kept {retention === null ? 'as the hub is set up' : `like ${retention}`}.</p>
      <p class="muted">Its owner may change this.</p>
    </>
  )
}
