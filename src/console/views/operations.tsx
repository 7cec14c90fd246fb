import type { Answer } from '../../client/client.ts'
import { Act } from '../parts/act.tsx'
import { BrokerPanel } from '../parts/broker-panel.tsx'
import { JobsPanel } from '../parts/jobs-panel.tsx'
import { Nearby, Only } from '../parts/nearby.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { StoragePanel } from '../parts/storage-panel.tsx'
import { TrafficPanel } from '../parts/traffic-panel.tsx'
import { UndeliveredPanel } from '../parts/undelivered-panel.tsx'
import { WorkPanel } from '../parts/work-panel.tsx'
import { readFigures } from '../state/figures.ts'
import { deviceName } from '../state/names.ts'
import { everyPage } from '../state/pages.ts'
import { useRead } from '../state/read.ts'
import { person, session } from '../state/session.ts'
import { valueText } from '../state/words.ts'

/** How the hub does: what it holds, what goes through it, what is slow and what waits. */
export default function Operations() {
  return (
    <>
      <Title text="Operations" />
      <Nearby group="operations" />
      <Only roles={['admin', 'staff']}>
        <Figures />
      </Only>
    </>
  )
}

const readHomes = () =>
  everyPage(async query => {
    const { homes: rows, next_cursor } = await session.call('GET /ops/homes', { query })
    return { rows, next_cursor }
  })

const readStats = async () => (person.value?.role === 'admin' ? (await session.call('GET /admin/stats')).stats : null)

async function readAll() {
  const [{ overview }, homes, stats, figures, { jobs }] = await Promise.all([
    session.call('GET /ops/overview'),
    readHomes(),
    readStats(),
    readFigures(),
    session.call('GET /ops/jobs'),
  ])
  return { overview, homes, stats, figures, jobs, at: Date.now() }
}

/** They are read when one comes here, when the hub is back, and when somebody asks: nothing tells of them by itself. */
function Figures() {
  const { value, again } = useRead('figures', readAll)
  return (
    <Read value={value} again={again}>
      {({ overview, homes, stats, figures, jobs, at }) => (
        <>
          <div class="row news">
            <Act name="Refresh" about="the figures" act={again} />
          </div>
          <Glance overview={overview} />
          <div class="columns">
            <div>
              <StoragePanel storage={overview.storage} at={at} />
              {stats && <BrokerPanel stats={stats} />}
              <JobsPanel jobs={jobs} />
            </div>
            <div>
              <TrafficPanel />
              <WorkPanel figures={figures} />
              <UndeliveredPanel />
              {stats && <Slowest rows={stats.slowest} />}
              <Homes rows={homes} />
            </div>
          </div>
        </>
      )}
    </Read>
  )
}

type Overview = Answer<'GET /ops/overview'>['overview']

function Glance({ overview }: { overview: Overview }) {
  const { devices, homes, people, commands_open, alerts_open, quarantined, messages_per_minute, connections } = overview
  const tiles = [
    ['Devices', devices.total],
    ['Online', devices.by_presence.online ?? 0],
    ['Asleep', devices.by_presence.sleeping ?? 0],
    ['Offline', devices.by_presence.offline ?? 0],
    ['Connections', connections],
    ['Messages a minute', messages_per_minute],
    ['Open commands', commands_open],
    ['Open alerts', alerts_open],
    ['In quarantine', quarantined],
    ['Homes', homes],
    ['People', people],
  ] as const
  return (
    <dl class="tiles glance">
      {tiles.map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{valueText(count)}</dd>
        </div>
      ))}
    </dl>
  )
}

function Slowest({ rows }: { rows: Answer<'GET /admin/stats'>['stats']['slowest'] }) {
  return (
    <Panel id="slowest" title="Slowest devices">
      {rows.length === 0 ? (
        <Empty>No device has settled a command in the last day.</Empty>
      ) : (
        <div class="scroll">
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">Device</th>
                <th scope="col">Commands</th>
                <th scope="col">On average, ms</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ device_id, commands, mean_ms }) => (
                <tr key={device_id}>
                  <th scope="row">
                    <a href={`/devices/${device_id}`}>{deviceName(device_id)}</a>
                  </th>
                  <td>{valueText(commands)}</td>
                  <td>{valueText(mean_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

function Homes({ rows }: { rows: Answer<'GET /ops/homes'>['homes'] }) {
  return (
    <Panel id="homes" title="Homes">
      <div class="scroll">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">Home</th>
              <th scope="col">Devices</th>
              <th scope="col">Online</th>
              <th scope="col">People</th>
              <th scope="col">Commands</th>
              <th scope="col">Alerts</th>
              <th scope="col">Quarantine</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ id, name, devices, online, people, commands_open, alerts_open, quarantined }) => (
              <tr key={id}>
                <th scope="row">{name}</th>
                <td>{valueText(devices)}</td>
                <td>{valueText(online)}</td>
                <td>{valueText(people)}</td>
                <td>{valueText(commands_open)}</td>
                <td>{valueText(alerts_open)}</td>
                <td>{valueText(quarantined)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
