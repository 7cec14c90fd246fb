import type { Home } from '../../client/routes.js'
import { AlertCard } from '../parts/alert-card.tsx'
import { DeviceCard } from '../parts/device-card.tsx'
import { Ready } from '../parts/ready.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { devices, devicesInRooms, homes, isForMe, type LiveDevice, mayOwn, openAlerts, rooms } from '../state/homes.ts'
import { places } from '../state/places.ts'

/** All homes with their rooms and devices, as they are now. */
export function Overview() {
  return (
    <>
      <Title text={homes.value.length > 1 ? 'My homes' : (homes.value[0]?.name ?? 'My homes')} />
      <Ready what="Reading your homes">
        {homes.value.length === 0 ? (
          <Empty>You belong to no home yet. Add one, or ask the owner of one to make you a member.</Empty>
        ) : null}
        <Places />
        {homes.value.map(home => (
          <HomePart key={home.id} home={home} />
        ))}
      </Ready>
    </>
  )
}

function HomePart({ home }: { home: Home }) {
  const alerts = openAlerts.value.filter(({ home_id }) => home_id === home.id)
  const here = [...devices.value.values()].filter(({ device }) => device.value.home_id === home.id)
  const inRooms = rooms.value
    .filter(({ home_id }) => home_id === home.id)
    .map(room => ({ ...room, devices: devicesInRooms.value.get(room.id) ?? [] }))
    .filter(room => room.devices.length > 0)
  const known = new Set(inRooms.map(({ id }) => id))
  const elsewhere = here.filter(({ device }) => !known.has(device.value.room_id ?? ''))
  return (
    <section aria-labelledby={`home-${home.id}`}>
      <h2 id={`home-${home.id}`} class={homes.value.length > 1 ? '' : 'unseen'}>
        {home.name}
      </h2>
      <Summary home={home} devices={here} alerts={alerts.length} isMine={mayOwn(home.id)} />
      {alerts.length > 0 && (
        <>
          <h3>Open alerts</h3>
          <ul class="alerts">
            {alerts.slice(0, 5).map(alert => (
              <AlertCard key={alert.id} alert={alert} />
            ))}
          </ul>
          {alerts.length > 5 && <a href="/alerts">All {alerts.length} open alerts</a>}
        </>
      )}
      {here.length === 0 && <NoDevice isMine={mayOwn(home.id)} />}
      {inRooms.map(room => (
        <Devices key={room.id} name={room.name} devices={room.devices} />
      ))}
      {elsewhere.length > 0 && <Devices name={inRooms.length > 0 ? 'In no room' : 'Devices'} devices={elsewhere} />}
    </section>
  )
}

const NoDevice = ({ isMine }: { isMine: boolean }) => (
  <>
    <Empty>There is no device in this home yet.</Empty>
    {isMine && (
      <a class="link-button primary" href="/add-device">
        Add the first one
      </a>
    )}
  </>
)

interface SummaryOptions {
  readonly home: Home
  readonly devices: readonly LiveDevice[]
  readonly alerts: number
  readonly isMine: boolean
}

function Summary({ home, devices, alerts, isMine }: SummaryOptions) {
  const count = (presence: string) => devices.filter(({ device }) => device.value.presence === presence).length
  const [online, offline, sleeping] = ['online', 'offline', 'sleeping'].map(count)
  return (
    <p class="summary">
      <span>{online} online</span>
      {sleeping !== 0 && <span>{sleeping} asleep</span>}
      {offline !== 0 && <span>{offline} offline</span>}
      <span>{alerts === 0 ? 'no open alerts' : `${alerts} open ${alerts === 1 ? 'alert' : 'alerts'}`}</span>
      <a href={`/homes/${home.id}`}>
        {isMine ? 'Rooms and settings' : 'Rooms'}
        <span class="unseen"> of {home.name}</span>
      </a>
    </p>
  )
}

function Devices({ name, devices }: { name: string; devices: readonly LiveDevice[] }) {
  const sorted = devices.toSorted((a, b) => a.device.value.name.localeCompare(b.device.value.name))
  return (
    <>
      <h3>{name}</h3>
      <ul class="cards">
        {sorted.map(entry => (
          <DeviceCard key={entry.device.value.id} entry={entry} />
        ))}
      </ul>
    </>
  )
}

/** What else there is of homes. */
function Places() {
  return (
    <nav class="links" aria-label="Devices and groups">
      {places
        .filter(place => place.group === 'home' && isForMe(place))
        .map(({ path, name }) => (
          <a key={path} class="link-button" href={path}>
            {name}
          </a>
        ))}
    </nav>
  )
}
