import { useRoute } from 'preact-iso'
import type { Device } from '../../client/routes.js'
import { AlertCard } from '../parts/alert-card.tsx'
import { Chart } from '../parts/chart.tsx'
import { CommandsPanel } from '../parts/commands-panel.tsx'
import { DangerPanel } from '../parts/danger-panel.tsx'
import { EventsPanel } from '../parts/events-panel.tsx'
import { HeartbeatsPanel } from '../parts/heartbeats-panel.tsx'
import { KeysPanel } from '../parts/keys-panel.tsx'
import { Panel } from '../parts/panel.tsx'
import { PresenceMark } from '../parts/presence.tsx'
import { PresencePanel } from '../parts/presence-panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { StatePanel } from '../parts/state-panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { devices, homeOf, mayOwn, openAlerts, progress, rooms, zoneOf } from '../state/homes.ts'
import type { Latest } from '../state/readings.ts'
import { labelOf, unitOf, withUnit } from '../state/words.ts'

/** One device: what it measures, what it was, what it is told, what it says. */
export function DeviceView() {
  const { params } = useRoute()
  const entry = devices.value.get(params.id ?? '')
  const isMissing = !entry && progress.value === 'ready'
  // One heading, whatever comes of it: whoever was brought to it stays there.
  return (
    <>
      <Title text={entry?.device.value.name ?? (isMissing ? 'There is no such device' : 'Device')} />
      {entry && (
        <Shown
          key={`${entry.device.value.home_id} ${entry.device.value.id}`}
          device={entry.device.value}
          latest={entry.latest.value}
        />
      )}
      {!entry && (
        <Ready>
          <a href="/">To your homes</a>
        </Ready>
      )}
    </>
  )
}

function Shown({ device, latest }: { device: Device; latest: Latest }) {
  const zone = zoneOf(device.home_id)
  const fields = Object.entries(latest)
    .filter(([, { value }]) => typeof value === 'number')
    .map(([name]) => ({ name, unit: unitOf(device, name) }))
  const alerts = openAlerts.value.filter(({ device_id }) => device_id === device.id)
  return (
    <>
      <Facts device={device} />
      {alerts.length > 0 && (
        <ul class="alerts" aria-label="Open alerts of this device">
          {alerts.map(alert => (
            <AlertCard key={alert.id} alert={alert} isAtHome />
          ))}
        </ul>
      )}
      <div class="columns">
        <div>
          <Panel id="now" title="Now">
            <Now device={device} latest={latest} zone={zone} />
          </Panel>
          <StatePanel device={device} />
          <HeartbeatsPanel device={device} zone={zone} />
          <PresencePanel device={device} zone={zone} />
        </div>
        <div>
          <Panel id="history" title="History">
            <Chart device={device} fields={fields} zone={zone} />
          </Panel>
          <CommandsPanel device={device} zone={zone} />
          <EventsPanel device={device} zone={zone} />
          {mayOwn(device.home_id) && (
            <>
              <KeysPanel device={device} zone={zone} />
              <DangerPanel device={device} />
            </>
          )}
        </div>
      </div>
    </>
  )
}

function Facts({ device }: { device: Device }) {
  const room = rooms.value.find(({ id }) => id === device.room_id)
  const facts = [homeOf(device.home_id)?.name, room?.name, device.location, device.model ?? device.type]
  return (
    <p class="summary">
      <PresenceMark device={device} />
      {facts.map(fact => fact && <span key={fact}>{fact}</span>)}
      {device.firmware_version && <span>Firmware {device.firmware_version}</span>}
      {device.status !== 'active' && <span>{labelOf(device.status)}</span>}
      <span>
        Id <code>{device.id}</code>
      </span>
    </p>
  )
}

function Now({ device, latest, zone }: { device: Device; latest: Latest; zone: string }) {
  const entries = Object.entries(latest)
  if (entries.length === 0) return <Empty>This device has sent no readings yet.</Empty>
  return (
    <dl class="tiles">
      {entries.map(([field, { value, ts }]) => (
        <div key={field}>
          <dt>{labelOf(field)}</dt>
          <dd>{withUnit(value, unitOf(device, field))}</dd>
          <dd class="muted">
            <Ago at={ts} zone={zone} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
