import { homes } from '../state/homes.ts'
import { useTraffic } from '../state/traffic.ts'
import { zoneHere } from '../state/words.ts'
import { later } from './later.ts'
import { Panel } from './panel.tsx'
import { Empty } from './states.tsx'

const Plot = later(() => import('./plot.tsx'))

/** The readings of all devices, counted as they are heard. */
export function TrafficPanel() {
  const filters = homes.value.map(({ id }) => `homes/${id}/devices/+/telemetry`)
  const { value: series } = useTraffic(filters)
  return (
    <Panel id="traffic" title="Messages with readings">
      <div class="chart">
        {series.at.length < 2 ? (
          <Empty>Listening: the line begins after ten seconds.</Empty>
        ) : (
          <Plot series={series} zone={zoneHere} unit="a second" name="Messages" />
        )}
      </div>
      <p class="muted">Heard by this page since it is shown, in windows of ten seconds.</p>
    </Panel>
  )
}
