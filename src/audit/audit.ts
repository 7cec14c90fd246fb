import { type Selectable, sql } from 'kysely'
import type { JsonObject } from '../json.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { readPage } from '../store/pages.js'
import { prepareSql } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { type AuditRow, contentOf, firstHash } from './chain.js'

/** Who did something, and from where. */
export interface Actor {
  readonly kind: 'person' | 'device' | 'service' | 'claim' | 'anonymous' | 'system'
  readonly id: string | null
  readonly address: string | null
  readonly request_id: string | null
}

export interface AuditEntry {
  readonly actor: Actor
  /** What was done, e.g. `device.create`. */
  readonly action: string
  /** Kind and id, e.g. `device/abc`; null when there is no one thing. */
  readonly target?: string | null
  readonly home_id?: string | null
  readonly outcome: 'done' | 'refused'
  /** How often, when several are written as one; 1 when left out. */
  readonly times?: number
  readonly detail?: JsonObject | null
}

/** A row as the API shows it. */
export type AuditRecord = Selectable<Tables['audit']>

/** The system itself: starts, jobs, the command line without a hub. */
export const system: Actor = { kind: 'system', id: null, address: null, request_id: null }

/** Cut so that nobody fills the disk with a name. */
const maxText = 500
const cut = (text: string | null | undefined) => text?.slice(0, maxText).toWellFormed() ?? null

function textOf(detail: JsonObject | null | undefined): string | null {
  if (!detail) return null
  const text = JSON.stringify(detail).toWellFormed()
  return text.length > 4 * maxText ? JSON.stringify({ omitted: text.length }) : text
}

/**
 * Writes down what happened, chained to the row before. Given a transaction, it is written with the change or not at all. Number and hash
 * are made in SQL, from the row that is the last at that moment.
 */
export async function record(db: Db, entry: AuditEntry): Promise<void> {
  const { actor, outcome, times = 1 } = entry
  const row = {
    at: Date.now(),
    actor_kind: actor.kind,
    actor_id: cut(actor.id),
    address: cut(actor.address),
    request_id: cut(actor.request_id),
    action: entry.action,
    target: cut(entry.target),
    home_id: cut(entry.home_id),
    outcome,
    times,
    detail: textOf(entry.detail),
  }
  await append(db, { content: contentOf(row), ...row })
}

const columns = [
  'at',
  'actor_kind',
  'actor_id',
  'address',
  'request_id',
  'action',
  'target',
  'home_id',
  'outcome',
  'times',
  'detail',
] as const

type Row = Omit<AuditRow, 'seq' | 'hash'> & { readonly content: string }

const append = prepareSql((row: Row) => {
  const names = sql.join(columns.map(name => sql.ref(name)))
  const values = sql.join(columns.map(name => row[name]))
  return sql`insert into audit (seq, ${names}, hash)
    select last.seq + 1, ${values}, sha256(last.hash || char(10) || (last.seq + 1) || char(10) || ${row.content})
    from (select seq, hash from audit union all select 0, ${firstHash} order by seq desc limit 1) as last`
})

export interface AuditFilter extends PageRequest {
  readonly actor_id?: string | undefined
  readonly action?: string | undefined
  readonly home_id?: string | undefined
  readonly target?: string | undefined
  readonly outcome?: AuditRecord['outcome'] | undefined
  /** `[start_time, end_time)` in milliseconds since 1970. */
  readonly start_time?: number | undefined
  readonly end_time?: number | undefined
}

/** The newest first. */
export async function listAudit(db: Db, filter: AuditFilter): Promise<Page<AuditRecord>> {
  let query = db.selectFrom('audit').selectAll().orderBy('seq', 'desc')
  for (const name of ['actor_id', 'action', 'home_id', 'target', 'outcome'] as const) {
    const wanted = filter[name]
    if (wanted !== undefined) query = query.where(name, '=', wanted)
  }
  if (filter.start_time !== undefined) query = query.where('at', '>=', filter.start_time)
  if (filter.end_time !== undefined) query = query.where('at', '<', filter.end_time)
  if (filter.cursor) query = query.where('seq', '<', decodeCursor(filter.cursor, 'number'))
  return readPage(query, { limit: filter.limit, keyOf: row => row.seq })
}
