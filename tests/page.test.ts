import { describe, expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from '../src/page.js'

const encoded = (text: string) => Buffer.from(text).toString('base64url')

describe('a cursor', () => {
  test.each(['dev-1', '', 'é"\\', '__proto__'])('brings back the text %j', key =>
    expect(decodeCursor(encodeCursor(key), 'string')).toBe(key),
  )

  test.each([0, -1, 1_767_225_600_000, 1.5])('brings back the number %d', key =>
    expect(decodeCursor(encodeCursor(key), 'number')).toBe(key),
  )

  test('can stand in a URL as it is', () => {
    for (const key of ['>>>???', 'ÿÿÿ', 'a b&c=d']) expect(encodeCursor(key)).toMatch(/^[\w-]+$/)
  })

  test.each([
    '',
    'x',
    '%%%',
    '\u0000',
    encoded('{}'),
    encoded('[1]'),
    encoded('null'),
    encoded('true'),
    encoded('1e999'),
    encoded('1 or 1=1'),
    encodeCursor(5).slice(0, -1).concat('!'),
    encodeCursor('text'),
  ])('that was tampered with is refused in words: %j', cursor => {
    const read = () => decodeCursor(cursor, 'number')
    expect(read).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: 'The cursor is not one of ours.' }),
    )
  })

  test('of a number is none of a text', () => {
    expect(() => decodeCursor(encodeCursor(5), 'string')).toThrow('The cursor is not one of ours.')
  })
})
