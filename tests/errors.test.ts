import { expect, test } from 'vitest'
import { HubError, notFound, statuses } from '../src/errors.js'
import { errorOf, failureOf } from '../src/store/failure.js'

test('every code has an HTTP status that says an error', () => {
  for (const [code, status] of Object.entries(statuses)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
  }
})

test('an error carries its code, its status, its details and its cause', () => {
  const cause = new Error('below')
  const error = new HubError('conflict', 'There is one already.', ['body/id: taken'], cause)
  expect(error).toMatchObject({ code: 'conflict', status: 409, details: ['body/id: taken'], cause, name: 'HubError' })
  expect(error).toBeInstanceOf(Error)
  expect('cause' in new HubError('internal', 'x')).toBe(false)
})

test('what is not there is told by its kind', () => {
  expect(notFound('device')).toMatchObject({ code: 'not_found', status: 404, message: 'No such device.' })
})

test.each([
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'conflict'],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', 'conflict'],
  ['SQLITE_FULL', 'storage_unavailable'],
  ['SQLITE_IOERR_FSYNC', 'storage_unavailable'],
  ['SQLITE_READONLY_DBMOVED', 'storage_unavailable'],
  ['SQLITE_BUSY', 'storage_unavailable'],
  ['SQLITE_CORRUPT_VTAB', 'storage_unavailable'],
  ['SQLITE_NOTADB', 'storage_unavailable'],
  ['SQLITE_CANTOPEN', 'storage_unavailable'],
  ['SQLITE_NOMEM', 'storage_unavailable'],
])('%s from the database is told as %s', (code, told) => {
  expect(errorOf({ code, message: 'it failed' })).toMatchObject({ code: told })
})

test('any other failure of the database is our own fault: told as internal, with what is known', () => {
  for (const code of ['SQLITE_ERROR', 'SQLITE_MISUSE', 'ERROR']) {
    const error = errorOf({ code, message: 'no such column: x' })
    expect(error).not.toBeInstanceOf(HubError)
    expect(error.message).toBe(`no such column: x (${code})`)
  }
})

test('a message of the database is for the operator: what a person is told of a conflict does not name tables', () => {
  const error = errorOf({ code: 'SQLITE_CONSTRAINT_UNIQUE', message: 'UNIQUE constraint failed: users.email' })
  expect(error.message).not.toContain('users')
  expect(error.cause).toContain('users.email')
})

test('whatever is thrown can cross from a thread', () => {
  expect(failureOf(Object.assign(new Error('full'), { code: 'SQLITE_FULL' }))).toEqual({
    code: 'SQLITE_FULL',
    message: 'full',
  })
  expect(failureOf(new Error('plain'))).toEqual({ code: 'ERROR', message: 'plain' })
  expect(failureOf('a text')).toEqual({ code: 'ERROR', message: 'a text' })
  expect(failureOf(undefined)).toEqual({ code: 'ERROR', message: 'undefined' })
})
