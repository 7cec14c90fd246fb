import { useMemo } from 'preact/hooks'
import type { Answer } from '../../client/client.ts'
import { devices } from '../state/homes.ts'
import type { Range } from '../state/ranges.ts'
import { useRead } from '../state/read.ts'
import { readSeries } from '../state/series.ts'
import { labelOf, unitOf } from '../state/words.ts'
import { later } from './later.ts'
import { Read } from './panel.tsx'
import type { Span } from './plot.tsx'

const Plot = later(() => import('./plot.tsx'))

interface RuleChartOptions {
  readonly found: Answer<'POST /alert-rules/test'>
  readonly field: string
  readonly range: Range
  readonly zone: string
}

/** A reading over the period of a test, with the times marked at which the alert would have been there. */
export function RuleChart({ found, field, range, zone }: RuleChartOptions) {
  const { device_id } = found
  const { value, again } = useRead(`${device_id} ${field} ${range.name}`, () => readSeries(device_id, field, range))
  const spans = useMemo(() => spansOf(found), [found])
  const device = devices.value.get(device_id)?.device.value
  return (
    <Read value={value} again={again}>
      {series =>
        series.mean.some(one => one !== null) && (
          <div class="drawing">
            <Plot
              series={series}
              zone={zone}
              unit={device ? unitOf(device, field) : ''}
              name={labelOf(field)}
              length_ms={range.length_ms}
              spans={spans}
            />
          </div>
        )
      }
    </Read>
  )
}

function spansOf({ transitions, active_at_start, until }: RuleChartOptions['found']): readonly Span[] {
  const spans: Span[] = []
  let from = active_at_start ? 0 : null
  for (const { kind, at } of transitions) {
    if (kind === 'raised') from ??= at
    else if (from !== null) {
      spans.push({ from, to: at })
      from = null
    }
  }
  return from === null ? spans : [...spans, { from, to: until }]
}
