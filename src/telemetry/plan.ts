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

/**
 * Finds the coarsest rollups that answer a range exactly: none may be cut by the edge of a window or of the range, and none may stand for
 * an hour that is open. Where samples are gone the finest that is left answers, and what an edge cuts counts whole for the window, and the
 * range, that it begins in: answers for neighbouring ranges still add up to that for both.
 */
export async function planOf(db: Db, device_num: number, range: TimeRange, edges: Edges): Promise<Plan> {
  const plan: Plan = { days: [], hours: [], minutes: [], few: [], samples: [] }
  const days = edges.ofDays ? await closedDays(db, device_num, range) : []
  const whole = days.filter(({ start_time, end_time }) => !edges.cut(start_time, end_time))
  for (const day of whole) extend(plan.days, day)
  const rest = between(range, plan.days)
  const states = await statesOf(db, device_num, rest)
  for (const part of rest) planHours(plan, part, edges, states)
  return plan
}

/** What of a range is not in these parts of it. */
function between({ start_time, end_time }: TimeRange, parts: readonly TimeRange[]): TimeRange[] {
  const starts = [start_time, ...parts.map(part => part.end_time)]
  const ends = [...parts.map(part => part.start_time), end_time]
  const gaps = starts.map((start, i) => ({ start_time: start, end_time: ends[i] ?? start }))
  return gaps.filter(gap => gap.start_time < gap.end_time)
}

function planHours(plan: Plan, { start_time, end_time }: TimeRange, edges: Edges, states: ReadonlyMap<number, number>) {
  for (let hour = floor(start_time, hourMs); hour < end_time; hour += hourMs) {
    const part = { start_time: Math.max(hour, start_time), end_time: Math.min(hour + hourMs, end_time) }
    const state = states.get(hour)
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

async function closedDays(db: Db, device_num: number, { start_time, end_time }: TimeRange): Promise<TimeRange[]> {
  return db
    .selectFrom('telemetry_days')
    .select(['start as start_time', 'end as end_time'])
    .where('device_num', '=', device_num)
    .where('start', '>=', start_time)
    .where('start', '<', end_time)
    .where('end', '<=', end_time)
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
