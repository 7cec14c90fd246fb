import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { TimeRange } from './readings.js'
import { hourMs, hourStates, minuteMs } from './rollup-rows.js'

/** Where the windows of an aggregation end. */
export interface Edges {
  /** Whether a window ends, and another begins, within `(start, end)`. */
  cut(start: number, end: number): boolean
  /** Whether no window ends within a minute. */
  readonly onMinutes: boolean
  /** Whether a window may be as long as a day. */
  readonly ofDays: boolean
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

/** The hours before which samples, and rollups by minute, say nothing of a field any more. */
export interface Gone {
  readonly raw_from: number
  readonly minutes_from: number
}

/**
 * Finds the coarsest rollups that answer a range exactly: none may be cut by the edge of a window or of the range, and none may stand for
 * an hour that is open. Where samples are gone the finest that is left answers, and what an edge cuts counts whole for the window, and the
 * range, that it begins in: answers for neighbouring ranges still add up to that for both. A day that nothing finer is left of answers
 * windows of days, and no shorter ones.
 * @returns the plan for each field
 */
export async function planOf(
  db: Db,
  device_num: number,
  range: TimeRange,
  edges: Edges,
): Promise<(field: Gone) => Plan> {
  const found = edges.ofDays ? await closedDays(db, device_num, range) : []
  const days: TimeRange[] = []
  for (const { start_time, end_time, alone } of found)
    if (alone || !edges.cut(start_time, end_time))
      extend(days, { start_time, end_time: Math.min(end_time, range.end_time) })
  const rest = between(range, days)
  const states = await statesOf(db, device_num, rest)
  const plans = new Map<string, Plan>()
  return field => {
    const key = `${field.raw_from} ${field.minutes_from}`
    const known = plans.get(key)
    if (known) return known
    const plan: Plan = { days, hours: [], minutes: [], few: [], samples: [] }
    plans.set(key, plan)
    for (const part of rest) planHours(plan, part, edges, hour => stateFor(field, hour, states.get(hour)))
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

/** What of a range is not in these parts of it. */
function between({ start_time, end_time }: TimeRange, parts: readonly TimeRange[]): TimeRange[] {
  const starts = [start_time, ...parts.map(part => part.end_time)]
  const ends = [...parts.map(part => part.start_time), end_time]
  const gaps = starts.map((start, i) => ({ start_time: start, end_time: ends[i] ?? start }))
  return gaps.filter(gap => gap.start_time < gap.end_time)
}

function planHours(
  plan: Plan,
  { start_time, end_time }: TimeRange,
  edges: Edges,
  stateOf: (hour: number) => number | undefined,
): void {
  for (let hour = floor(start_time, hourMs); hour < end_time; hour += hourMs) {
    const part = { start_time: Math.max(hour, start_time), end_time: Math.min(hour + hourMs, end_time) }
    const state = stateOf(hour)
    const whole = part.end_time - part.start_time === hourMs && !edges.cut(hour, hour + hourMs)
    if (state === hourStates.open) extend(plan.samples, part)
    else if (whole) extend(plan.hours, part)
    else if (state === hourStates.goneWithMinutes) extend(plan.minutes, part)
    else if (state === hourStates.gone) takeWhole(plan, hour, part)
    else if (!edges.onMinutes) extend(plan.samples, part)
    else if (state === hourStates.closedWithMinutes) planMinutes(plan, part)
    else if (state !== undefined) plan.few.push(part)
  }
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

async function closedDays(
  db: Db,
  device_num: number,
  { start_time, end_time }: TimeRange,
): Promise<(TimeRange & { alone: number })[]> {
  return db
    .selectFrom('telemetry_days')
    .select(eb => ['start as start_time', 'end as end_time', eb('state', '>', 0).$castTo<number>().as('alone')])
    .where('device_num', '=', device_num)
    .where('start', '>=', start_time)
    .where('start', '<', end_time)
    .where(eb => eb.or([eb('end', '<=', end_time), eb('state', '>', 0)]))
    .orderBy('start')
    .execute()
}

/** The states of the hours that hold samples. */
async function statesOf(db: Db, device_num: number, ranges: readonly TimeRange[]): Promise<Map<number, number>> {
  if (ranges.length === 0) return new Map()
  const bounds = ranges.map(({ start_time, end_time }) => [floor(start_time, hourMs), end_time])
  const { rows } = await sql<{ states: string }>`select json_group_array(json_array(start, state)) as states
    from json_each(${JSON.stringify(bounds)}) as part cross join telemetry_hours
    on device_num = ${device_num} and start >= part.value ->> 0 and start < part.value ->> 1`.execute(db)
  return new Map(JSON.parse(rows[0]?.states ?? '[]') as [number, number][])
}
