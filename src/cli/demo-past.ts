import { setImmediate } from 'node:timers/promises'
import type { Moment } from '../../simulators/past.js'
import type { findDevice } from '../devices/devices.js'
import { recordPresence } from '../devices/presence.js'
import { insertEvent, listEvents } from '../devices/reports.js'
import { getState, mergeReported } from '../devices/state.js'
import type { Db, Store } from '../store/store.js'
import { latestReadings, listReadings } from '../telemetry/readings.js'

type Device = Awaited<ReturnType<typeof findDevice>>

/** `[begin, end)` in milliseconds since 1970. */
interface Span {
  readonly begin: number
  readonly end: number
}

const hourMs = 3_600_000
const pastMs = 30 * 24 * hourMs
/** Points in a message: nobody waits longer than it takes to make, or to store, so many of each device. */
const maxMoments = 250

/** When a device's past begins, in milliseconds since 1970: where one begins that was broken off, else 30 days ago. */
export async function pastBegin(db: Db, { num }: Device, now: number): Promise<number> {
  const { readings } = await listReadings(db, num, { start_time: 0, end_time: now, order: 'asc', limit: 1 })
  return readings[0]?.ts ?? Math.ceil((now - pastMs) / hourMs) * hourMs
}

/**
 * Stores what a device would have said, as if it had come then: what is there already is left out, and as all comes in order, one that was
 * broken off is gone on with where it ended. Of each message of readings the hub has heard when its last was measured.
 * @returns how many samples were written. Settles when they are committed; early when `signal` says so
 */
export async function writePast(
  store: Store,
  device: Device,
  moments: Iterable<Moment>,
  signal: AbortSignal,
): Promise<number> {
  const held = await heldOf(store.db, device)
  let samples = 0
  let chunk: Moment[] = []
  let writing: Promise<number> = Promise.resolve(0)
  for (const moment of moments) {
    if (chunk.push(moment) < maxMoments) continue
    samples += await writing
    if (signal.aborted) return samples
    // The next are made meanwhile, when others have had their turn.
    writing = writeChunk(store, device, chunk, held)
    chunk = []
    await Promise.race([setImmediate(), writing])
  }
  samples += await writing
  return samples + (await writeChunk(store, device, chunk, held))
}

/** Until when, in milliseconds since 1970, each kind is there already. */
interface Held {
  readonly readings: number
  readonly state: number
  readonly events: number
}

async function heldOf(db: Db, device: Device): Promise<Held> {
  const [latest, state, events] = await Promise.all([
    latestReadings(db, device.num),
    getState(db, device),
    listEvents(db, device.id, { limit: 1 }),
  ])
  return {
    readings: Math.max(0, ...Object.values(latest).map(({ ts }) => ts)),
    state: state.reported_at ?? 0,
    events: events.rows[0]?.ts ?? 0,
  }
}

async function writeChunk(store: Store, device: Device, chunk: readonly Moment[], held: Held): Promise<number> {
  const { db } = store
  const changes = chunk.filter(({ ts, changed }) => ts > held.state && Object.keys(changed).length > 0)
  const events = chunk.flatMap(moment => moment.events).filter(({ ts }) => ts > held.events)
  const [samples] = await Promise.all([
    append(
      store,
      device,
      chunk.filter(({ ts }) => ts > held.readings),
    ),
    ...changes.map(({ ts, changed }) => mergeReported(db, device, changed, { at: ts, connected_at: null })),
    ...events.map(data => {
      const origin = { received_at: data.ts, message_id: null, dup: false }
      return insertEvent(db, device, { kind: 'event', ts: data.ts, data }, origin)
    }),
  ])
  return samples
}

/** @returns how many were taken: none of an hour that retention has let go of, when a past is gone on with late */
function append(store: Store, { num: device_num }: Device, moments: readonly Moment[]): Promise<number> {
  const received_at = moments.at(-1)?.ts
  if (received_at === undefined) return Promise.resolve(0)
  const payload = Buffer.from(JSON.stringify(moments.map(({ ts, data }) => ({ ts, data }))))
  const item = { device_num, received_at, message_id: null, dup: false, strict: true, payload }
  return new Promise((resolve, reject) => {
    store.append(item, (error, refused) => (error ? reject(error) : resolve(refused === null ? moments.length : 0)))
  })
}

/** It was there all the time, until the hub that it now connects to was started. */
export async function writePresence(db: Db, { id: device_id }: Device, { begin, end }: Span): Promise<void> {
  const known = await db
    .selectFrom('presence')
    .select('device_id')
    .where('device_id', '=', device_id)
    .executeTakeFirst()
  if (known) return
  const whole = { device_id, session: 0 } as const
  await Promise.all([
    recordPresence(db, { ...whole, status: 'online', reason: null, at: begin }),
    recordPresence(db, { ...whole, status: 'offline', reason: 'hub_restart', at: end }),
  ])
}
