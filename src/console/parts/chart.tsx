import { useEffect, useId, useState } from 'preact/hooks'
import { lazy } from 'preact-iso'
import { type Range, ranges } from '../state/ranges.ts'
import type { Reading } from '../state/readings.ts'
import { addReading, readSeries, type Series } from '../state/series.ts'
import { labelOf, valueText } from '../state/words.ts'
import { Empty, Fault, Loading } from './states.tsx'

const Plot = lazy(() => import('./plot.tsx'))

interface ChartOptions {
  readonly device_id: string
  /** Those that are numbers, with their units. */
  readonly fields: readonly { readonly name: string; readonly unit: string }[]
  readonly latest: Readonly<Record<string, Reading>>
  readonly zone: string
}

/** What one field was over a time that one chooses; it goes on as readings come. */
export function Chart({ device_id, fields, latest, zone }: ChartOptions) {
  const [range, setRange] = useState<Range>(ranges[0])
  const [chosen, choose] = useState(fields[0]?.name ?? '')
  const field = fields.find(({ name }) => name === chosen) ?? fields[0]
  const id = useId()
  if (!field) return <Empty>This device has sent no numbers yet.</Empty>
  return (
    <>
      <div class="row chart-choice">
        <label for={id} class="unseen">
          What to show
        </label>
        <select id={id} value={field.name} onChange={event => choose(event.currentTarget.value)}>
          {fields.map(({ name }) => (
            <option key={name} value={name}>
              {labelOf(name)}
            </option>
          ))}
        </select>
        <RangePicker range={range} choose={setRange} />
      </div>
      <Drawn
        key={`${field.name} ${range.name}`}
        {...{ device_id, range, zone, field: field.name, unit: field.unit, reading: latest[field.name] }}
      />
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
  readonly device_id: string
  readonly field: string
  readonly unit: string
  readonly range: Range
  readonly zone: string
  readonly reading: Reading | undefined
}

function Drawn({ device_id, field, unit, range, zone, reading }: DrawnOptions) {
  const [series, setSeries] = useState<Series | Error | null>(null)
  const [version, setVersion] = useState(0)
  useEffect(() => {
    readSeries(device_id, field, range).then(setSeries, setSeries)
  }, [device_id, field, range])
  useEffect(() => {
    if (series === null || series instanceof Error || typeof reading?.value !== 'number') return
    if (addReading(series, reading.value, reading.ts, range.window_ms)) setVersion(before => before + 1)
  }, [reading])
  return (
    <div class="chart">
      {series === null && <Loading what="Reading the history" />}
      {series instanceof Error && <Fault error={series} />}
      {series !== null && !(series instanceof Error) && (
        <>
          {series.at.length === 0 ? (
            <Empty>Nothing was measured in this time.</Empty>
          ) : (
            <Plot {...{ series, version, zone, unit, name: labelOf(field) }} />
          )}
          <Extremes series={series} unit={unit} />
        </>
      )}
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
