import type { Point } from './aggregate.js'

/** What stands in windows without samples: nothing, the value before, or what lies on the line between the values beside. */
export const fills = ['none', 'previous', 'linear'] as const
export type Fill = (typeof fills)[number]

/**
 * Fills the windows between and behind the points of a series. A filled point counts 0 samples. Before the first point there is nothing to fill
 * with, nor behind the last one for a line.
 * @param starts of all windows in the range, in order
 */
export function filled(points: readonly Point[], starts: readonly number[], fill: Fill): readonly Point[] {
  const [first] = points
  if (fill === 'none' || !first) return points
  const known = new Map(points.map(point => [point.start, point]))
  const whole: Point[] = []
  let before = first
  let behind = 0
  for (const start of starts) {
    if (start < first.start) continue
    const point = known.get(start)
    if (point) {
      before = point
      behind++
      whole.push(point)
      continue
    }
    const value = fill === 'previous' ? before.value : between(before, points[behind], start)
    if (value !== null) whole.push({ start, value, count: 0 })
  }
  return whole
}

function between(before: Point, after: Point | undefined, start: number): number | null {
  if (typeof before.value !== 'number' || typeof after?.value !== 'number') return null
  return before.value + ((after.value - before.value) * (start - before.start)) / (after.start - before.start)
}
