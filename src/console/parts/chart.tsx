import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { Device } from '../../client/routes.js'
import { type Range, ranges } from '../state/ranges.ts'
import { useFollowed } from '../state/read.ts'
import { readingsOf } from '../state/readings.ts'
import { readSeries, type Series, withReading } from '../state/series.ts'
import { labelOf, valueText } from '../state/words.ts'
import { ChartExport } from './chart-export.tsx'
import { ChoiceField } from './fields.tsx'
import { later } from './later.ts'
import { Read } from './panel.tsx'
import { Empty } from './states.tsx'

const Plot = later(() => import('./plot.tsx'))

interface ChartOptions {
  readonly device: Device
  /** Those that are numbers, with their units. */
  readonly fields: readonly { readonly name: string; readonly unit: string }[]
  readonly zone: string
}

/** What one field was over a time that one chooses; it goes on as readings come. */
export function Chart({ device, fields, zone }: ChartOptions) {
  const [range, setRange] = useState<Range>(ranges[0])
  const [chosen, choose] = useState(fields[0]?.name ?? '')
  const field = fields.find(({ name }) => name === chosen) ?? fields[0]
  // It comes while the readings do, and not after them. Where it does not come, whatever shows it says so.
  useEffect(() => void Plot.preload().catch(() => undefined), [])
  if (!field) return <Empty>This device has sent no numbers yet.</Empty>
  return (
    <>
      <div class="row chart-choice">
        <ChoiceField
          label={<span class="unseen">What to show</span>}
          value={field.name}
          choices={fields.map(({ name }) => [name, labelOf(name)] as const)}
          change={choose}
        />
        <RangePicker range={range} choose={setRange} />
      </div>
      <Drawn key={`${field.name} ${range.name}`} {...{ device, range, zone, field: field.name, unit: field.unit }} />
    </>
  )
}

function RangePicker({ range, choose }: { range: Range; choose: (range: Range) => void }) {
  const name = useId()
  return (
    <fieldset class="choices ranges">
      <legend class="unseen">How far back</legend>
      {ranges.map(one => (
        <label key={one.name}>
          <input type="radio" name={name} checked={one === range} onChange={() => choose(one)} aria-label={one.about} />
          <span aria-hidden="true">{one.name}</span>
        </label>
      ))}
    </fieldset>
  )
}

interface DrawnOptions {
  readonly device: Device
  readonly field: string
  readonly unit: string
  readonly range: Range
  readonly zone: string
}

function Drawn({ device: { id, home_id, name }, field, unit, range, zone }: DrawnOptions) {
  const place = useRef<HTMLDivElement>(null)
  const label = labelOf(field)
  const series = useFollowed<Series>(`${id} ${field} ${range.name}`, {
    filters: [`homes/${home_id}/devices/${id}/telemetry`],
    read: () => readSeries(id, field, range),
    heard: (known, { payload }) =>
      readingsOf(payload, Date.now()).reduce(
        (series, { field: name, reading: { value, ts } }) =>
          name === field && typeof value === 'number' ? withReading(series, value, ts, range) : series,
        known,
      ),
  })
  return (
    <div class="chart" ref={place}>
      <Read value={series.value} again={series.again}>
        {whole =>
          whole.at.length === 0 ? (
            <Empty>Nothing was measured in this time.</Empty>
          ) : (
            <>
              <div class="drawing">
                <Plot series={whole} zone={zone} unit={unit} name={label} length_ms={range.length_ms} />
              </div>
              <Extremes series={whole} unit={unit} />
              <ChartExport
                series={whole}
                title={`${name}: ${label}${unit === '' ? '' : ` (${unit})`}, ${range.about.toLowerCase()}`}
                file={`${id}-${field}-${range.window}`}
                place={place}
              />
            </>
          )
        }
      </Read>
    </div>
  )
}

/** What the drawing says, in words. */
function Extremes({ series: { min, max }, unit }: { series: Series; unit: string }) {
  const numbers = (column: readonly (number | null)[]) => column.filter(value => value !== null)
  const least = numbers(min).reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const most = numbers(max).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (least > most) return null
  return (
    <p class="muted">
      From {valueText(least)} to {valueText(most)} {unit} in this time.
    </p>
  )
}
