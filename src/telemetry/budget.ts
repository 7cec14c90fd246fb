import { sql } from 'kysely'
import { bytesOf } from '../../config/quantities.js'
import type { Db, Store, StoreSize } from '../store/store.js'
import { type HourOf, heldHours, isQuiet, letGo } from './let-go.js'
import { letGoOfMinutes } from './let-go-of-minutes.js'
import { hourMs } from './rollup-rows.js'

const dayMs = 86_400_000
/** How far back growth is looked at. */
const lookedAtMs = 7 * dayMs
const notedEveryMs = 3_600_000
/** A forecast beyond this, some hundred years, is none. */
const longestDays = 36_500
/** Hours that are let go of before it is measured again. */
const hoursAtOnce = 20

interface Settings {
  readonly storage_budget: string
  readonly disk_reserve: string
}

/** How much may still be stored. */
interface Room {
  readonly limited_by: 'budget' | 'disk'
  /** Negative when there is none. */
  readonly bytes: number
}

/** What is free inside the file is as good as what is free on the disk. */
function roomOf({ used_bytes, spare_bytes, free_bytes }: StoreSize, settings: Settings): Room {
  const budget = bytesOf(settings.storage_budget) || Number.POSITIVE_INFINITY
  const disk = free_bytes + spare_bytes - (bytesOf(settings.disk_reserve) ?? 0)
  return budget - used_bytes < disk
    ? { limited_by: 'budget', bytes: budget - used_bytes }
    : { limited_by: 'disk', bytes: disk }
}

/**
 * While the database is larger than its budget, or the disk has less left than its reserve, lets go of the oldest samples of all devices, hour by
 * hour, and when there are none of the oldest rollups by minute. Those by hour and day stay.
 * @param now milliseconds since 1970
 * @param isOver ends it early: the rest goes at a later run
 * @returns how many rows went
 */
export async function keepToBudget(
  store: Pick<Store, 'db' | 'size'>,
  settings: Settings,
  now: number,
  isOver: () => boolean,
): Promise<number> {
  let rows = 0
  while (!isOver() && roomOf(await store.size(), settings).bytes < 0) {
    const gone = (await letGoOfOldest(store.db, now)) ?? (await letGoOfOldestMinutes(store.db, now, isOver))
    if (gone === null) break
    rows += gone
  }
  return rows
}

/** @returns how many rows went; null when there are none */
async function letGoOfOldest(db: Db, now: number): Promise<number | null> {
  const { source, states } = heldHours
  const first = sql`select start from ${source} where device_num = num and ${states} and ${isQuiet(now)} order by start limit 1`
  const { rows } = await sql<HourOf>`select device_num, start
    from (select min(first) as oldest from (select (${first}) as first from devices))
    cross join devices cross join ${source} on device_num = num and ${states} and start >= oldest and start < oldest + ${dayMs}
    where ${isQuiet(now)} order by start limit ${hoursAtOnce}`.execute(db)
  return rows.length === 0 ? null : letGo(db, rows)
}

/** @returns how many rows went; null when there are none */
async function letGoOfOldestMinutes(db: Db, now: number, isOver: () => boolean): Promise<number | null> {
  const { rows } = await sql<{
    oldest: number | null
    devices: string
  }>`select min((select start from rollups_1m as minute
      where minute.device_num = field.device_num and minute.field_num = field.field_num order by start limit 1)) as oldest,
      json_group_array(distinct device_num) as devices
    from telemetry_fields as field`.execute(db)
  const [{ oldest, devices } = { oldest: null, devices: '[]' }] = rows
  if (oldest === null) return null
  const others = Math.min(oldest + dayMs, now) - (Math.min(oldest + dayMs, now) % hourMs)
  return letGoOfMinutes(db, JSON.parse(devices) as number[], { others }, isOver)
}

/** Notes how large the database is, every hour: forecasts are made of this. @param now milliseconds since 1970 */
export async function noteSize({ db, size }: Pick<Store, 'db' | 'size'>, now: number): Promise<void> {
  const lately = db
    .selectFrom('storage_sizes')
    .select('at')
    .where('at', '>', now - notedEveryMs)
  if (await lately.executeTakeFirst()) return
  const { used_bytes: bytes } = await size()
  await db.replaceInto('storage_sizes').values({ at: now, bytes }).execute()
  await db
    .deleteFrom('storage_sizes')
    .where('at', '<', now - lookedAtMs)
    .execute()
}

/** What is stored, and what will be. */
export interface Storage extends StoreSize {
  readonly budget_bytes: number | null
  readonly limited_by: Room['limited_by']
  /** By which the database grew lately; null in the first hour. */
  readonly bytes_per_day: number | null
  /** When budget or disk are reached, in milliseconds since 1970; null when it hardly grows. */
  readonly full_at: number | null
  /** See lateSamples. */
  readonly late_samples: number
}

/** @param now milliseconds since 1970 */
export async function storageOf(
  { db, size }: Pick<Store, 'db' | 'size'>,
  settings: Settings,
  now: number,
): Promise<Storage> {
  const measured = await size()
  const { limited_by, bytes: left } = roomOf(measured, settings)
  const bytes_per_day = await growthOf(db, measured.used_bytes, now)
  const days = bytes_per_day !== null && bytes_per_day > 0 ? Math.max(0, left) / bytes_per_day : null
  return {
    ...measured,
    budget_bytes: bytesOf(settings.storage_budget) || null,
    limited_by,
    bytes_per_day,
    full_at: days === null || days > longestDays ? null : Math.round(now + days * dayMs),
    late_samples: await lateSamples(db),
  }
}

/** Samples that came when those of their hour, or of their field, had been let go of, and were not kept, or not whole. */
export async function lateSamples(db: Db): Promise<number> {
  const late = db.selectFrom('telemetry_late').select(eb => eb.fn.sum<number | null>('samples').as('samples'))
  return (await late.executeTakeFirst())?.samples ?? 0
}

async function growthOf(db: Db, used_bytes: number, now: number): Promise<number | null> {
  const noted = await db
    .selectFrom('storage_sizes')
    .selectAll()
    .where('at', '>=', now - lookedAtMs)
    .where('at', '<=', now - notedEveryMs)
    .orderBy('at')
    .executeTakeFirst()
  return noted ? Math.round(((used_bytes - noted.bytes) / (now - noted.at)) * dayMs) : null
}
