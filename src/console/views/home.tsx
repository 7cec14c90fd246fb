import { useRoute } from 'preact-iso'
import type { Home } from '../../client/routes.js'
import { ClaimsPanel } from '../parts/claims-panel.tsx'
import { HomeSettings } from '../parts/home-settings.tsx'
import { Panel } from '../parts/panel.tsx'
import { RoomsPanel } from '../parts/rooms-panel.tsx'
import { Fault, Loading, Title } from '../parts/states.tsx'
import { homeOf, mayOwn, progress } from '../state/homes.ts'
import '../styles/devices.css'

/** What a home is called, its time, its rooms, and how long its readings are kept. */
export function HomeView() {
  const { params } = useRoute()
  const home = homeOf(params.id ?? '')
  const state = progress.value
  const isMissing = !home && state === 'ready'
  return (
    <>
      <Title text={home?.name ?? (isMissing ? 'There is no such home' : 'Home')} />
      {home && state === 'ready' && <Shown key={home.id} home={home} />}
      {isMissing && <a href="/">To your homes</a>}
      {state === 'loading' && <Loading />}
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
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
