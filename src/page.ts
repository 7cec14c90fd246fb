import { HubError } from './errors.js'

/** What a list takes: at most `limit` rows, after the one that `cursor` stands for. */
export interface PageRequest {
  readonly limit: number
  readonly cursor?: string | undefined
}

export interface Page<Row> {
  readonly rows: Row[]
  /** For the next page; null on the last. */
  readonly next_cursor: string | null
}

/** An opaque cursor around the sort key of a row. */
export const encodeCursor = (key: string | number) => Buffer.from(JSON.stringify(key)).toString('base64url')

/** @throws HubError `invalid_request` when it is no cursor of this kind */
export function decodeCursor(cursor: string, type: 'string'): string
export function decodeCursor(cursor: string, type: 'number'): number
export function decodeCursor(cursor: string, type: 'string' | 'number'): string | number {
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch (cause) {
    throw new HubError('invalid_request', 'The cursor is not one of ours.', [], cause)
  }
  // 1e999 is JSON, and no number that SQLite would know.
  const ours = typeof key === type && (typeof key !== 'number' || Number.isFinite(key))
  if (ours) return key as string | number
  throw new HubError('invalid_request', 'The cursor is not one of ours.')
}
