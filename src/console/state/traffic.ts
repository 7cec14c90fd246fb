import { type ReadonlySignal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { follow } from './live.ts'
import { ranges } from './ranges.ts'
import { type Series, withReading } from './series.ts'

const nothing: Series = { at: [], mean: [], min: [], max: [], last_count: 0 }
const [windows] = ranges

/** How many messages a second are heard on these topic filters, from now on, in windows of ten seconds. */
export function useTraffic(filters: readonly string[]): ReadonlySignal<Series> {
  const series = useSignal(nothing)
  useEffect(() => {
    let heard = 0
    let since = Date.now()
    series.value = nothing
    const stop = follow(filters, {
      heard: ({ retained }) => {
        if (!retained) heard++
      },
    })
    // Nothing is asked of the hub: what was heard is counted. In a hidden page this comes late, and by as much longer a time.
    const timer = setInterval(() => {
      const now = Date.now()
      const rate = (heard * 1000) / Math.max(1, now - since)
      series.value = withReading(series.value, rate, now, windows)
      heard = 0
      since = now
    }, 1000)
    return () => {
      clearInterval(timer)
      stop()
    }
  }, [filters.join(' ')])
  return series
}
