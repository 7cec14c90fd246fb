import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import { type HourOf, heldHours, isQuiet, letGo, letGoOfLeft, wantMinutes } from './let-go.js'
import { letGoOfDays, letGoOfHours } from './let-go-of-days.js'
import { letGoOfFields } from './let-go-of-fields.js'
import { letGoOfMinutes } from './let-go-of-minutes.js'
import { keptOf, type Rule, rulesOf } from './retention-rules.js'
import { hourMs, hourStates } from './rollup-rows.js'

/** Hours that are let go of in one go: more would take long where there are many samples in each. */
const hoursAtOnce = 20

interface ClosedHour extends HourOf {
  readonly state: number
}

interface Clock {
  readonly now: number
  isOver(): boolean
}

/**
 * Lets go of samples, and of rollups, that are older than their field, else their device, its home or the hub keeps them. The samples of an hour go
 * when it is rolled up; one that is to be known by the minute afterwards is given its minutes first, and goes at a later run. Each grain goes
 * when what is finer has gone.
 * @param retention the hub's, like `raw=30d,1m=1y`
 * @param now milliseconds since 1970
 * @param isOver ends it early: the rest goes at a later run
 * @returns how many rows went
 */
export async function applyRetention(db: Db, retention: string, now: number, isOver: () => boolean): Promise<number> {
  let rows = await letGoOfLeft(db)
  for (const rule of await rulesOf(db, retention)) {
    const { devices, kept } = rule
    rows += await letGoOfSamples(db, rule, { now, isOver })
    await letGoOfFields(db, shorterOf(rule, now), now, isOver)
    const named = Object.fromEntries([...rule.named].map(([name, of]) => [name, keptFrom(of['1m'], now)]))
    const minutes = { others: keptFrom(rule.others['1m'], now), named }
    rows += await untilNone(isOver, () => letGoOfMinutes(db, devices, minutes, isOver))
    rows += await untilNone(isOver, () => letGoOfHours(db, devices, keptFrom(kept['1h'], now)))
    rows += await untilNone(isOver, () => letGoOfDays(db, devices, keptFrom(kept['1d'], now)))
  }
  return rows
}

/** The first hour of which something is kept that is kept so long. */
const keptFrom = (keptMs: number, now: number) =>
  Number.isFinite(keptMs) ? Math.max(0, Math.floor((now - keptMs) / hourMs) * hourMs) : 0

const shorterOf = (rule: Rule, now: number) =>
  rule.shorter.map(field => {
    const kept = keptOf(rule, field.name)
    return { ...field, raw_from: keptFrom(kept.raw, now), minutes_from: keptFrom(kept['1m'], now) }
  })

/** Repeats what ends because it finds none of what it took before. @returns the sum of the answers */
async function untilNone(isOver: () => boolean, take: () => Promise<number | null>): Promise<number> {
  for (let sum = 0; ; ) {
    const taken = isOver() ? null : await take()
    if (taken === null) return sum
    sum += taken
  }
}

/** The samples of whole hours. */
function letGoOfSamples(db: Db, { devices, kept }: Rule, { now, isOver }: Clock): Promise<number> {
  const [before, minutesFrom] = [keptFrom(kept.raw, now), keptFrom(kept['1m'], now)]
  return untilNone(isOver, async () => {
    const hours = await agedHours(db, devices, before, now)
    if (hours.length === 0) return null
    const coarse = new Set(hours.filter(({ state, start }) => state === hourStates.closed && start >= minutesFrom))
    if (coarse.size > 0) await wantMinutes(db, [...coarse])
    return letGo(
      db,
      hours.filter(hour => !coarse.has(hour)),
    )
  })
}

async function agedHours(
  db: Db,
  devices: readonly number[],
  before: number,
  now: number,
): Promise<readonly ClosedHour[]> {
  const { source, states } = heldHours
  const { rows } = await sql<ClosedHour>`select device_num, start, hour.state
    from json_each(${JSON.stringify(devices)}) as device cross join ${source} on device_num = device.value and ${states} and start < ${before}
    where ${isQuiet(now)} limit ${hoursAtOnce}`.execute(db)
  return rows
}
