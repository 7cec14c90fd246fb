import { createHash } from 'node:crypto'

/** A row of the audit as it stands in the table, the detail as its JSON text. */
export interface AuditRow {
  readonly seq: number
  readonly at: number
  readonly actor_kind: string
  readonly actor_id: string | null
  readonly address: string | null
  readonly request_id: string | null
  readonly action: string
  readonly target: string | null
  readonly home_id: string | null
  readonly outcome: string
  readonly times: number
  readonly detail: string | null
  readonly hash: string
}

/** What stands before the first row. */
export const firstHash = '0'.repeat(64)

/** All of a row but its number and hash, in a fixed order. */
export function contentOf(row: Omit<AuditRow, 'seq' | 'hash'>): string {
  const { at, actor_kind, actor_id, address, request_id, action, target, home_id, outcome, times, detail } = row
  return JSON.stringify([
    at,
    actor_kind,
    actor_id,
    address,
    request_id,
    action,
    target,
    home_id,
    outcome,
    times,
    detail,
  ])
}

/** The hash of a row: over the hash of the row before, the number, and all that the row says. SHA-256, in hexadecimal. */
export const hashOf = (before: string, seq: number, content: string): string =>
  createHash('sha256').update(`${before}\n${seq}\n${content}`).digest('hex')
