import { type Selectable, sql } from 'kysely'
import { notFound } from '../errors.js'
import type { JsonObject } from '../json.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inSteps } from '../store/in-steps.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { mergePatch } from '../twin.js'

type Part = Tables['state_changes']['part']
/** A change of a state: the patch that made this version of the one before. */
export type StateChange = Omit<Selectable<Tables['state_changes']>, 'id' | 'device_id' | 'whole'>

interface Range {
  readonly part?: Part | undefined
  /** Milliseconds since 1970, [start, end). */
  readonly start_time?: number | undefined
  readonly end_time?: number | undefined
}

/** The newest first. */
export async function listStateChanges(
  db: Db,
  device_id: string,
  { part, start_time, end_time, limit, cursor }: Range & PageRequest,
): Promise<Page<StateChange>> {
  let query = db
    .selectFrom('state_changes')
    .select(['id', 'part', 'version', 'at', 'by', 'change'])
    .where('device_id', '=', device_id)
  if (part) query = query.where('part', '=', part)
  if (start_time !== undefined) query = query.where('at', '>=', start_time)
  if (end_time !== undefined) query = query.where('at', '<', end_time)
  if (cursor) query = query.where('id', '<', decodeCursor(cursor, 'number'))
  const page = await readPage(query.orderBy('id', 'desc'), { limit, keyOf: row => row.id, large: ['change'] })
  return { ...page, rows: page.rows.map(({ id: _, ...change }) => change) }
}

/** One half of a state at a time. */
export interface StateAt {
  readonly value: JsonObject
  readonly version: number
  readonly at: number | null
  readonly by: string | null
}

/**
 * What a device had reported, or what was desired of it, at a time; empty before the first change.
 * @param at milliseconds since 1970
 * @throws HubError `not_found` when the history does not go back that far
 */
export async function stateAt(db: Db, device_id: string, part: Part, at: number): Promise<StateAt> {
  const changes = db.selectFrom('state_changes').selectAll().where('device_id', '=', device_id).where('part', '=', part)
  const base = await changes
    .where('whole', 'is not', null)
    .where('at', '<=', at)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!base?.whole) {
    const first = await changes.orderBy('id').limit(1).executeTakeFirst()
    if (first && first.version > 1) throw notFound('state: the history does not go back that far')
    return { value: {}, version: 0, at: null, by: null }
  }
  let state: StateAt = { value: base.whole, version: base.version, at: base.at, by: base.by }
  for (const next of await changes.where('id', '>', base.id).orderBy('id').limit(maxMerges).execute()) {
    if (next.at > at) break
    state = { value: mergePatch(state.value, next.change), version: next.version, at: next.at, by: next.by }
  }
  return state
}

/** As many changes as lie between two that are kept whole. */
const maxMerges = 64
const maxChanges = 10_000
const trimmedAtOnce = 1000

/** The newest change of each device that is kept whole and is as old as what may go. */
const firstKept = (part: Part, before: number) =>
  sql`select device_id, ${part} as part, (select max(id) from state_changes where device_id = device_state.device_id
    and part = ${part} and whole is not null and (at < ${before} or version <= ${sql.ref(`${part}_version`)} - ${maxChanges})) as id
    from device_state`

/**
 * Removes changes from before this time, and all but the newest 10,000 of each half of a state. What is left begins with a whole state.
 * @returns how many
 */
export function trimStateChanges(db: Db, before: number): Promise<number> {
  return inSteps(trimmedAtOnce, async most => {
    const { numAffectedRows } = await sql`delete from state_changes where id in (
      select old.id from (${sql.join([firstKept('reported', before), firstKept('desired', before)], sql` union all `)}) as kept
      join state_changes as old on old.device_id = kept.device_id and old.part = kept.part and old.id < kept.id limit ${most})`.execute(
      db,
    )
    return numAffectedRows ?? 0n
  })
}
