import { useRoute } from 'preact-iso'
import type { Home } from '../../client/routes.js'
import { ClaimsPanel } from '../parts/claims-panel.tsx'
import { HomeSettings } from '../parts/home-settings.tsx'
import { Panel } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { RoomsPanel } from '../parts/rooms-panel.tsx'
import { Title } from '../parts/states.tsx'
import { homeOf, mayOwn, progress } from '../state/homes.ts'

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
      </div>
    </div>
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
