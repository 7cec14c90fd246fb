import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import type { Plan } from './plan.js'
import type { TimeRange } from './readings.js'
import { rowsOf, valuesOf, type Wanted, type Windows } from './sources.js'
import { stepsOf } from './steps.js'
import { growth, numberOf } from './tally.js'

/** By how much a counter grew within a stretch of one window, and what it stood at when that began and ended. */
interface Stretch {
  readonly window: number
  readonly at: number
  readonly first: number | null
  readonly last: number | null
  readonly increase: number
}

/**
 * By how much a counter grew in each window. What it grew between two samples belongs to the window of the later one; a sample that is less
 * than the one before was counted from 0 again. @returns by the beginning of the window
 */
export async function increases(
  db: Db,
  plan: Plan,
  windows: Windows,
  wanted: Wanted & { readonly field_num: number },
): Promise<Map<number, number>> {
  const stretches = [
    ...(await fromRollups(db, '1d', windows, plan.days, wanted)),
    ...(await fromRollups(db, '1h', windows, plan.hours, wanted)),
    ...(await fromRollups(db, '1m', windows, plan.minutes, wanted)),
  ]
  if (plan.few.length > 0) stretches.push(...(await fromSamples(db, windows, plan.few, wanted)))
  for (const range of plan.samples)
    for await (const step of stepsOf(db, wanted.device_num, range))
      stretches.push(...(await fromSamples(db, windows, [step], wanted)))
  const grown = new Map<number, number>()
  let before: number | null = null
  for (const { window, first, last, increase } of stretches.sort((a, b) => a.at - b.at)) {
    const step = before === null || first === null ? 0 : growth(before, first)
    grown.set(window, (grown.get(window) ?? 0) + increase + step)
    before = last ?? before
  }
  return grown
}

async function fromRollups(
  db: Db,
  resolution: '1m' | '1h' | '1d',
  windows: Windows,
  ranges: readonly TimeRange[],
  { device_num, field_num }: Wanted & { readonly field_num: number },
): Promise<Stretch[]> {
  if (ranges.length === 0) return []
  const rows = rowsOf(windows, ranges, sql.table(`rollups_${resolution}`), sql.ref('start'), device_num)
  const { rows: found } = await sql<Omit<Stretch, 'first' | 'last'> & { first: string; last: string }>`select
    ${windows.startOf(sql.ref('start'))} as "window", start as at, first, last, increase ${rows} and field_num = ${field_num}`.execute(
    db,
  )
  return found.map(({ window, at, first, last, increase }) => ({
    window,
    at,
    first: numberOf(first),
    last: numberOf(last),
    increase,
  }))
}

/** Each range by itself: what lies between two of them is answered from elsewhere. */
async function fromSamples(db: Db, windows: Windows, ranges: readonly TimeRange[], wanted: Wanted): Promise<Stretch[]> {
  const numbers = sql`select range, "window", at, value as number from (${valuesOf(windows, ranges, wanted, 'sql')} limit -1)
    where typeof(value) in ('integer', 'real')`
  const grown = sql`select range, "window", at, number, case when number >= lag(number) over before
      then number - lag(number) over before else iif(lag(number) over before is null, 0, number) end as grown
    from (${numbers}) window before as (partition by range, "window" order by at)`
  const [{ rows: found }, { rows: ends }] = await Promise.all([
    sql<
      Omit<Stretch, 'last'> & { range: number }
    >`select range, "window", min(at) as at, number as first, total(grown) as increase
      from (${grown}) group by range, "window"`.execute(db),
    sql<{ range: number; window: number; last: number }>`select range, "window", max(at) as at, number as last
      from (${numbers}) group by range, "window"`.execute(db),
  ])
  const lasts = new Map(ends.map(({ range, window, last }) => [`${range} ${window}`, last]))
  return found.map(({ range, window, at, first, increase }) => ({
    window,
    at,
    first,
    last: lasts.get(`${range} ${window}`) ?? null,
    increase,
  }))
}
