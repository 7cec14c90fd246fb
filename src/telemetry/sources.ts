import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../store/store.js'
import { pathOf, type TimeRange } from './readings.js'
import { hourMs } from './rollup-rows.js'

/** What is known of one field in one window. */
export interface Part {
  /** The window's, in milliseconds since 1970. */
  readonly start: number
  /** All samples that have the field. */
  readonly samples: number
  /** Of the numbers and booleans. */
  readonly numbers: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly first: Edge | null
  readonly last: Edge | null
}

/** The first or last value of a window as JSON text, with its time; null where nobody asked. */
export interface Edge {
  readonly value: string
  readonly at: number
}

/** In which window a time lies. */
export interface Windows {
  /** The parts of ranges, each within one window, as `[window, start, end]`; or whole where a time tells its window by itself. */
  readonly cut: (ranges: readonly TimeRange[]) => (readonly [number, number, number])[]
  /** The beginning of the window of a time, in SQL. */
  readonly startOf: (time: RawBuilder<unknown>) => RawBuilder<unknown>
  /** The parts of ranges, each within one window, as `[window, start, end]`. */
  readonly split: (ranges: readonly TimeRange[]) => (readonly [number, number, number])[]
  /** The beginning of the window of a time. */
  readonly of: (time: number) => number
}

export interface Wanted {
  readonly device_num: number
  readonly field: string
  readonly first: boolean
  readonly last: boolean
}

type Source = RawBuilder<unknown>

/** What samples say of a field in these ranges. */
export async function fromSamples(
  db: Db,
  windows: Windows,
  ranges: readonly TimeRange[],
  wanted: Wanted,
): Promise<Part[]> {
  // "limit -1" keeps SQLite from writing the inner expressions into the outer ones, where the JSON was read again for each use.
  const { rows: found } = await sql<Omit<Part, 'first' | 'last'>>`select "window" as start, count(*) as samples,
      count(number) as numbers, total(number) as sum, ifnull(min(number), 9e999) as min, ifnull(max(number), -9e999) as max
    from (select "window", value, iif(typeof(value) = 'text', null, value) as number
      from (${valuesOf(windows, ranges, wanted, 'sql')} limit -1) limit -1)
    where value is not null group by "window" order by "window"`.execute(db)
  const edge = (
    name: 'first' | 'last',
  ) => sql`select "window" as start, value, ${name === 'first' ? sql`min(at)` : sql`max(at)`} as at
    from (${valuesOf(windows, ranges, wanted, 'json')}) where value is not null group by "window"`
  return withEdges(db, found, wanted, edge)
}

/**
 * The values of a field in these ranges, in rows and in blocks, in SQL: the index of the range, the window, when, and what, as SQL or JSON has it;
 * null where a sample does not have the field.
 */
export function valuesOf(
  windows: Windows,
  ranges: readonly TimeRange[],
  { device_num, field }: Wanted,
  as: 'sql' | 'json',
): Source {
  const take = as === 'sql' ? sql`->>` : sql`->`
  const parts = sql`from json_each(${JSON.stringify(windows.cut(ranges))}) as part`
  const [start, end] = [sql`(part.value ->> 1)`, sql`(part.value ->> 2)`]
  // Where the value is in the rows of each shape: found once for all rows.
  const places = sql`(select json_group_array((select name.key from json_each(names) as name where name.value = ${field}))
    from (select names from telemetry_shapes where device_num = ${device_num} order by shape_num))`
  return sql`select part.key as range, ${windows.startOf(sql.ref('ts'))} as "window", ts as at,
      data ${take} ifnull(${places} ->> shape_num, ${pathOf(field)}) as value
    ${parts} cross join samples on device_num = ${device_num} and ts >= ${start} and ts < ${end}
    union all select part.key, ${windows.startOf(sql`(one.value ->> 0)`)}, one.value ->> 0, one.value ${take} 1
    ${parts} cross join sample_blocks as block on device_num = ${device_num} and block.end >= ${start} and block.end < ${end} + ${hourMs}
      and block.start < ${end} cross join json_each(field_in_block(block.data, ${field}, ${start}, ${end})) as one`
}

/** A cross join keeps its order: SQLite would otherwise go through all ranges for each row. */
export function rowsOf(
  windows: Windows,
  ranges: readonly TimeRange[],
  table: Source,
  time: Source,
  device_num: number,
): Source {
  return sql`from json_each(${JSON.stringify(windows.cut(ranges))}) as part
    cross join ${table} on device_num = ${device_num} and ${time} >= part.value ->> 1 and ${time} < part.value ->> 2`
}

/** Beside min(at) or max(at), SQLite takes a bare column from the row that has it (sqlite.org/lang_select.html, section 2.5). */
async function withEdges(
  db: Db,
  found: readonly Omit<Part, 'first' | 'last'>[],
  wanted: Wanted,
  edge: (name: 'first' | 'last') => Source,
): Promise<Part[]> {
  const edgesOf = async (name: 'first' | 'last') => {
    if (!wanted[name] || found.length === 0) return null
    const { rows } = await sql<Edge & { start: number }>`${edge(name)}`.execute(db)
    return new Map(rows.map(({ start, value, at }) => [start, { value, at }]))
  }
  const [first, last] = [await edgesOf('first'), await edgesOf('last')]
  return found.map(part => ({ first: first?.get(part.start) ?? null, last: last?.get(part.start) ?? null, ...part }))
}
