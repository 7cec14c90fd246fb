import { sql } from 'kysely'
import type { Edges } from './plan.js'
import type { TimeRange } from './readings.js'
import { hourMs, minuteMs } from './rollup-rows.js'
import type { Windows } from './sources.js'
import { calendarBuckets, type Window } from './windows.js'

interface Buckets {
  readonly windows: Windows
  readonly edges: Edges
}

/** How the times of a range fall into windows. */
export const bucketsOf = (window: Window, timezone: string, range: TimeRange): Buckets =>
  window.kind === 'fixed' ? fixed(window.ms) : calendar(window, timezone, range)

/** The beginnings of all windows of a range, in order. */
export function windowStarts(
  window: Window,
  { start_time, end_time, timezone }: TimeRange & { timezone: string },
): number[] {
  if (window.kind === 'calendar')
    return calendarBuckets(window, timezone, start_time, end_time).map(({ start }) => start)
  const first = start_time - (start_time % window.ms)
  return Array.from({ length: Math.ceil((end_time - first) / window.ms) }, (_, i) => first + i * window.ms)
}

/** Where a window ends. @param start its beginning */
export function windowEnd(window: Window, timezone: string, start: number): number {
  if (window.kind === 'fixed') return start + window.ms
  return calendarBuckets(window, timezone, start, start + 1)[0]?.end ?? start
}

/** Windows of one length, whose edges the times themselves tell. */
function fixed(ms: number): Buckets {
  const of = (time: number) => time - (time % ms)
  const cut = (start: number, end: number) => of(start) !== of(end - 1)
  return {
    windows: {
      cut: ranges => ranges.map(({ start_time, end_time }) => [0, start_time, end_time]),
      startOf: time => sql`${time} - ${time} % ${ms}`,
      split: ranges => ranges.flatMap(range => splitEvery(ms, range)),
      of,
    },
    edges: {
      cut,
      hoursCut: range => (ms % hourMs === 0 ? [] : hoursOf(range).filter(hour => cut(hour, hour + hourMs))),
      onMinutes: ms % minuteMs === 0,
    },
  }
}

function splitEvery(ms: number, { start_time, end_time }: TimeRange): [number, number, number][] {
  const parts: [number, number, number][] = []
  for (let window = start_time - (start_time % ms); window < end_time; window += ms)
    parts.push([window, Math.max(window, start_time), Math.min(window + ms, end_time)])
  return parts
}

function hoursOf({ start_time, end_time }: TimeRange): number[] {
  const first = start_time - (start_time % hourMs)
  return Array.from({ length: Math.ceil((end_time - first) / hourMs) }, (_, i) => first + i * hourMs)
}

/** Windows of the calendar, which are made once for the whole range. */
function calendar(window: Window & { kind: 'calendar' }, timezone: string, range: TimeRange): Buckets {
  const buckets = calendarBuckets(window, timezone, range.start_time, range.end_time)
  /** The first window that ends behind a time. */
  const at = (time: number) => {
    let [low, high] = [0, buckets.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((buckets[middle]?.end ?? 0) > time) high = middle
      else low = middle + 1
    }
    return low
  }
  const cutOne = ({ start_time, end_time }: TimeRange) => {
    const parts: [number, number, number][] = []
    for (let i = at(start_time); (buckets[i]?.start ?? end_time) < end_time; i++) {
      const { start = 0, end = 0 } = buckets[i] ?? {}
      parts.push([start, Math.max(start, start_time), Math.min(end, end_time)])
    }
    return parts
  }
  const split = (ranges: readonly TimeRange[]) => ranges.flatMap(cutOne)
  return {
    windows: {
      cut: split,
      startOf: () => sql`part.value ->> 0`,
      split,
      of: time => buckets[at(time)]?.start ?? time,
    },
    edges: {
      cut: (start, end) => at(start) !== at(end - 1),
      hoursCut: () => buckets.flatMap(({ start }) => (start % hourMs === 0 ? [] : start - (start % hourMs))),
      onMinutes: buckets.every(({ start }) => start % minuteMs === 0),
    },
  }
}
