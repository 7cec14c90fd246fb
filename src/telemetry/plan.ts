import type { Db } from '../store/store.js'
import { type Gone, type Known, statesOf } from './known.js'
import type { TimeRange } from './readings.js'
import { hourMs, hourStates, minuteMs } from './rollup-rows.js'

/** Where the windows of an aggregation end. */
export interface Edges {
  /** Whether a window ends, and another begins, within `(start, end)`. */
  cut(start: number, end: number): boolean
  /** The hours of a range within which a window ends, in order; hours beside the range do no harm. */
  hoursCut(range: TimeRange): readonly number[]
  /** Whether no window ends within a minute. */
  readonly onMinutes: boolean
}

/** The parts of a range, in order, by what answers them. */
export interface Plan {
  readonly days: TimeRange[]
  readonly hours: TimeRange[]
  readonly minutes: TimeRange[]
  /** Samples, few: of hours that have no rollups by minute. */
  readonly few: TimeRange[]
  /** Samples, however many. */
  readonly samples: TimeRange[]
}

const floor = (time: number, unit: number) => time - (time % unit)
const ceil = (time: number, unit: number) => floor(time + unit - 1, unit)

/**
 * Finds the coarsest rollups that answer a range exactly: none may be cut by the edge of a window or of the range, and none may stand for
 * an hour that is open. Where samples are gone the finest that is left answers, and what an edge cuts counts whole for the window, and the
 * range, that it begins in: answers for neighbouring ranges still add up to that for both. A day that nothing finer is left of answers
 * windows of days, and no shorter ones.
 * @returns the plan for each field
 */
export async function planOf(db: Db, device_num: number, known: Known, edges: Edges): Promise<(field: Gone) => Plan> {
  const { range } = known
  const days: TimeRange[] = []
  for (const { start_time, end_time, alone } of known.days)
    if (alone || !edges.cut(start_time, end_time))
      extend(days, { start_time, end_time: Math.min(end_time, range.end_time) })
  const cut = edges.hoursCut(range)
  const states = new Map([...known.states, ...(await statesOf(db, device_num, cut))])
  const special = [...new Set([...states.keys(), ...cut, ...hoursAtEnds(range)])].sort((one, other) => one - other)
  const plans = new Map<string, Plan>()
  return field => {
    const key = `${field.raw_from} ${field.minutes_from}`
    const same = plans.get(key)
    if (same) return same
    const plan: Plan = { days, hours: [], minutes: [], few: [], samples: [] }
    plans.set(key, plan)
    const stateOf = (hour: number) => stateFor(field, hour, states.get(hour))
    for (const part of between(range, days)) planHours(plan, part, edges, special, stateOf)
    return plan
  }
}

/** An hour's state as it is for one field. Where its samples are gone while others are kept, its rollups stay as they are, also in an open hour. */
function stateFor({ raw_from, minutes_from }: Gone, hour: number, state: number | undefined): number | undefined {
  if (state === undefined || state === hourStates.goneWithHours) return undefined
  const hasMinutes = hour >= minutes_from
  if (state === hourStates.gone || state === hourStates.goneWithMinutes || hour < raw_from)
    return hasMinutes && state !== hourStates.gone ? hourStates.goneWithMinutes : hourStates.gone
  return state === hourStates.closedWithMinutes && !hasMinutes ? hourStates.closed : state
}

/** For a field that is not rolled up: where samples are gone it is, too. */
export const onlySamples = (range: TimeRange): Plan => ({ days: [], hours: [], minutes: [], few: [], samples: [range] })

/** The hours that a range cuts. */
const hoursAtEnds = ({ start_time, end_time }: TimeRange) =>
  [start_time, end_time].filter(time => time % hourMs !== 0).map(time => floor(time, hourMs))

/** What of a range is not in these parts of it. */
function between({ start_time, end_time }: TimeRange, parts: readonly TimeRange[]): TimeRange[] {
  const starts = [start_time, ...parts.map(part => part.end_time)]
  const ends = [...parts.map(part => part.start_time), end_time]
  const gaps = starts.map((start, i) => ({ start_time: start, end_time: ends[i] ?? start }))
  return gaps.filter(gap => gap.start_time < gap.end_time)
}

/** @param special the hours that may be open or cut, in order: all others are answered by their rollups, where they have any */
function planHours(
  plan: Plan,
  { start_time, end_time }: TimeRange,
  edges: Edges,
  special: readonly number[],
  stateOf: (hour: number) => number | undefined,
) {
  let planned = start_time
  for (const hour of special) {
    const part = { start_time: Math.max(hour, start_time), end_time: Math.min(hour + hourMs, end_time) }
    if (part.start_time >= part.end_time) continue
    if (planned < part.start_time) extend(plan.hours, { start_time: planned, end_time: part.start_time })
    planHour(plan, hour, part, edges, stateOf(hour))
    planned = part.end_time
  }
  if (planned < end_time) extend(plan.hours, { start_time: planned, end_time })
}

function planHour(plan: Plan, hour: number, part: TimeRange, edges: Edges, state: number | undefined) {
  const whole = part.end_time - part.start_time === hourMs && !edges.cut(hour, hour + hourMs)
  if (state === hourStates.open) extend(plan.samples, part)
  else if (whole) extend(plan.hours, part)
  else if (state === hourStates.goneWithMinutes) extend(plan.minutes, part)
  else if (state === hourStates.gone) takeWhole(plan, hour, part)
  else if (!edges.onMinutes) extend(plan.samples, part)
  else if (state === hourStates.closedWithMinutes) planMinutes(plan, part)
  else if (state !== undefined) plan.few.push(part)
}

/** The rollup of an hour that nothing finer is left of. */
function takeWhole({ hours }: Plan, hour: number, part: TimeRange): void {
  if (part.start_time === hour) extend(hours, part)
}

function planMinutes({ minutes, few }: Plan, { start_time, end_time }: TimeRange): void {
  const [first, last] = [ceil(start_time, minuteMs), floor(end_time, minuteMs)]
  if (first >= last) {
    few.push({ start_time, end_time })
    return
  }
  if (start_time < first) few.push({ start_time, end_time: first })
  extend(minutes, { start_time: first, end_time: last })
  if (last < end_time) few.push({ start_time: last, end_time })
}

/** Adds a part behind the others; it becomes one with the last of them when nothing lies between. */
function extend(parts: TimeRange[], part: TimeRange): void {
  const last = parts.at(-1)
  if (last?.end_time === part.start_time) parts[parts.length - 1] = { ...last, end_time: part.end_time }
  else parts.push(part)
}
