import { sql } from 'kysely'
import type { Db } from '../store/store.js'
import { type AuditRow, contentOf, firstHash, hashOf } from './chain.js'
import type { Head } from './head.js'

export interface Verdict {
  readonly ok: boolean
  /** How many rows hold together. */
  readonly rows: number
  /** The first row that is not as it was written, and why; null when all are. */
  readonly bad: { readonly seq: number; readonly reason: string } | null
  /** Rows that came after the head was last written: they hold together, and nothing outside the table vouches for the last of them. */
  readonly after_head: number
}

const pageRows = 1000

/**
 * Goes through the audit from its first row: numbers without a gap, each hash over the row and the hash before, and the row that the head
 * names with the hash that it names.
 * @param head as read from outside the table; null when it is missing or not ours
 */
export async function verifyAudit(db: Db, head: Head | null): Promise<Verdict> {
  let before = firstHash
  let rows = 0
  let bad: Verdict['bad'] = null
  for (let page = await pageAfter(db, 0); page.length > 0 && !bad; page = await pageAfter(db, rows)) {
    for (const row of page) {
      bad = faultOf(row, rows + 1, before, head)
      if (bad) break
      before = row.hash
      rows++
    }
  }
  bad ??= faultAtEnd(rows, head)
  return { ok: bad === null, rows, bad, after_head: Math.max(0, rows - (head?.seq ?? 0)) }
}

function faultOf(row: AuditRow, seq: number, before: string, head: Head | null): Verdict['bad'] {
  if (row.seq !== seq) return { seq, reason: 'the row is missing' }
  if (row.hash !== hashOf(before, seq, contentOf(row))) return { seq, reason: 'the row is not as it was written' }
  if (head?.seq === seq && head.hash !== row.hash) return { seq, reason: 'the row is not the one that the head names' }
  return null
}

function faultAtEnd(rows: number, head: Head | null): Verdict['bad'] {
  if (!head) return { seq: rows, reason: 'there is no head with our signature' }
  return rows < head.seq ? { seq: rows + 1, reason: `the rows up to ${head.seq} are missing` } : null
}

/** As they stand, the detail as text. Numbers below 1 are asked for too: nothing may hide there. */
async function pageAfter(db: Db, seq: number): Promise<AuditRow[]> {
  const after = seq === 0 ? sql`` : sql`where seq > ${seq}`
  const { rows } = await sql<
    AuditRow & { text: string | null }
  >`select seq, at, actor_kind, actor_id, address, request_id, action,
    target, home_id, outcome, times, detail as text, hash from audit ${after} order by seq limit ${pageRows}`.execute(
    db,
  )
  return rows.map(({ text, ...row }) => ({ ...row, detail: text }))
}
