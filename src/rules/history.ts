import { stateAt } from '../devices/state-history.js'
import { changesWithin } from '../devices/timeline.js'
import { HubError } from '../errors.js'
import type { PresenceStatus } from '../inbound.js'
import type { Db } from '../store/store.js'
import { exportReadings, type Reading as StoredReading, type TimeRange } from '../telemetry/readings.js'
import { mergePatch } from '../twin.js'
import { type Condition, leavesOf } from './condition.js'
import type { Input } from './inputs.js'

/** What a device said at one moment, or what became known of it. */
export interface Moment {
  /** By which it has its place among others; milliseconds since 1970. */
  readonly at: number
  readonly received_at: number
  readonly inputs: readonly Input[]
}

/** What of a device some rules are about. */
export interface Needs {
  readonly fields: ReadonlySet<string>
  readonly state: boolean
  readonly events: boolean
  /** Whether any message counts, and whether the device sleeps. */
  readonly silence: boolean
  readonly presence: boolean
}

export function needsOf(conditions: readonly Condition[]): Needs {
  const leaves = conditions.flatMap(leavesOf)
  const has = (type: (typeof leaves)[number]['type']) => leaves.some(leaf => leaf.type === type)
  return {
    fields: new Set(leaves.flatMap(leaf => ('field' in leaf && leaf.field !== undefined ? leaf.field : []))),
    state: has('state'),
    events: has('events'),
    silence: leaves.some(leaf => leaf.type === 'no_data' && leaf.field === undefined),
    presence: has('no_data'),
  }
}

/** Events and changes of state that are looked at in one range, the newest ones. */
const mostOfEach = 10_000

interface Device {
  readonly id: string
  readonly num: number
}

/** What is kept of a device in a range, in order of its times, some thousand at a time. */
export async function* historyOf(db: Db, device: Device, range: TimeRange, needs: Needs): AsyncGenerator<Moment[]> {
  const others = await othersOf(db, device, range, needs)
  let taken = 0
  const othersBefore = (at: number) => {
    const from = taken
    while ((others[taken]?.at ?? Number.POSITIVE_INFINITY) < at) taken++
    return others.slice(from, taken)
  }
  if (needs.fields.size > 0 || needs.silence) {
    const fields = needs.silence ? undefined : [...needs.fields]
    for await (const page of exportReadings(db, device.num, { ...range, fields })) {
      const readings = page.map(reading => momentOf(reading, needs))
      yield inOrder([...othersBefore(readings.at(-1)?.at ?? 0), ...readings])
    }
  }
  yield othersBefore(Number.POSITIVE_INFINITY)
}

const inOrder = (moments: Moment[]) => moments.sort((one, other) => one.at - other.at)

function momentOf({ ts, received_at, data }: StoredReading, { fields, silence }: Needs): Moment {
  const at = Math.min(ts, received_at)
  const inputs: Input[] = silence ? [{ kind: 'heard', at }] : []
  for (const field of fields) {
    const value = Object.hasOwn(data, field) ? data[field] : undefined
    // The past is told by the device's own times: when a sample was received may be days later.
    if (value !== undefined) inputs.push({ kind: 'reading', field, value, ts, at, received_at: at })
  }
  return { at, received_at, inputs }
}

const single = (input: Input, received_at = input.at): Moment => ({ at: input.at, received_at, inputs: [input] })

async function othersOf(db: Db, { id }: Device, range: TimeRange, needs: Needs): Promise<Moment[]> {
  const found = await Promise.all([
    needs.state ? statesOf(db, id, range) : [],
    needs.events || needs.silence ? eventsOf(db, id, range) : [],
    needs.silence ? heartbeatsOf(db, id, range) : [],
    needs.presence ? presenceOf(db, id, range) : [],
  ])
  return inOrder(found.flat())
}

async function statesOf(db: Db, id: string, { start_time, end_time }: TimeRange): Promise<Moment[]> {
  const before = await stateAt(db, id, 'reported', start_time).catch((error: unknown) => {
    if (error instanceof HubError && error.code === 'not_found') return null
    throw error
  })
  const changes = await db
    .selectFrom('state_changes')
    .select(['at', 'change', 'whole'])
    .where('device_id', '=', id)
    .where('part', '=', 'reported')
    .where('at', '>', start_time)
    .where('at', '<', end_time)
    .orderBy('id')
    .limit(mostOfEach)
    .execute()
  let reported = before?.value ?? {}
  const known = before && before.at !== null ? [single({ kind: 'state', reported, at: before.at })] : []
  const later = changes.map(({ at, change, whole }) => {
    reported = whole ?? mergePatch(reported, change)
    return single({ kind: 'state', reported, at })
  })
  return [...known, ...later]
}

async function eventsOf(db: Db, id: string, { start_time, end_time }: TimeRange): Promise<Moment[]> {
  const rows = await db
    .selectFrom('events')
    .select(['kind', 'ts', 'received_at', 'data'])
    .where('device_id', '=', id)
    .where('ts', '>=', start_time)
    .where('ts', '<', end_time)
    .orderBy('id', 'desc')
    .limit(mostOfEach)
    .execute()
  return rows.reverse().map(({ kind, ts, received_at, data }) => {
    const at = Math.min(ts, received_at)
    const event = { kind: 'event', event: kind, data, at } as const
    return { at, received_at, inputs: [event, { kind: 'heard', at }] }
  })
}

async function heartbeatsOf(db: Db, id: string, { start_time, end_time }: TimeRange): Promise<Moment[]> {
  const rows = await db
    .selectFrom('heartbeats')
    .select('received_at')
    .where('device_id', '=', id)
    .where('received_at', '>=', start_time)
    .where('received_at', '<', end_time)
    .orderBy('id', 'desc')
    .limit(mostOfEach)
    .execute()
  return rows.reverse().map(({ received_at }) => single({ kind: 'heard', at: received_at }))
}

async function presenceOf(db: Db, id: string, range: TimeRange): Promise<Moment[]> {
  const changes = await changesWithin(db, id, range)
  return changes.map(({ at, status }) => ({ at, received_at: at, inputs: presenceInputs(status, at) }))
}

/** Whoever comes online has been heard. */
export function presenceInputs(status: PresenceStatus, at: number): Input[] {
  const presence = { kind: 'presence', status, at } as const
  return status === 'online' ? [{ kind: 'heard', at }, presence] : [presence]
}
