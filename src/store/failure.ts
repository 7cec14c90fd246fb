import { HubError } from '../errors.js'

/** An error of SQLite as it crosses from a worker thread. */
export interface Failure {
  readonly code: string
  readonly message: string
}

export function failureOf(error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERROR'
  return { code, message: error instanceof Error ? error.message : String(error) }
}

const unavailable = /^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|CORRUPT|NOTADB|PROTOCOL|NOMEM|PERM|AUTH)/

/** A violated constraint is a conflict, a store that cannot write or read is `storage_unavailable`, anything else is our own fault. */
export function errorOf(failure: Failure): Error {
  if (failure.code.startsWith('SQLITE_CONSTRAINT'))
    return new HubError('conflict', 'This conflicts with what exists.', [], failure.message)
  if (unavailable.test(failure.code)) return storageUnavailable(`${failure.message} (${failure.code})`)
  return new Error(`${failure.message} (${failure.code})`)
}

/** @param why for the operator, e.g. `database or disk is full (SQLITE_FULL)` */
export const storageUnavailable = (why: string) =>
  new HubError('storage_unavailable', `The store cannot do this now: ${why}.`, [], why)
