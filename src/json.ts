import { isUtf8 } from 'node:buffer'

/** Why a payload is not taken, in words for whoever sent it. */
export class PayloadFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PayloadFault'
  }
}

export type JsonObject = Record<string, unknown>

export const maxPayloadBytes = 256 * 1024
const maxDepth = 16

/**
 * Parses JSON that came from outside, refusing what parsers disagree about: bytes that are not UTF-8, a name given twice, a number
 * that is not finite, half a surrogate pair, `__proto__`, nesting deeper than 16.
 * @throws PayloadFault
 */
export function parseJson(payload: Buffer, maxBytes = maxPayloadBytes): unknown {
  if (payload.length > maxBytes) throw new PayloadFault(`larger than ${maxBytes} bytes`)
  if (!isUtf8(payload)) throw new PayloadFault('not UTF-8')
  const text = payload.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PayloadFault(`not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
  if (countMembers(value, 1) !== countColons(text)) throw new PayloadFault('a name is given twice in one object')
  return value
}

/** @throws PayloadFault when the payload is not one JSON object */
export function parseObject(payload: Buffer): JsonObject {
  const value = parseJson(payload)
  if (!isObject(value)) throw new PayloadFault('must be a JSON object')
  return value
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The number of object members in a parsed value, which it checks on the way. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new PayloadFault('a number is too large')
  if (typeof value === 'string' && !value.isWellFormed()) throw new PayloadFault('a string holds half a surrogate pair')
  if (typeof value !== 'object' || value === null) return 0
  if (depth > maxDepth) throw new PayloadFault(`nested deeper than ${maxDepth}`)
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item, depth + 1), 0)
  let members = 0
  for (const name of Object.keys(value)) {
    if (name === '__proto__') throw new PayloadFault('the name __proto__ is not allowed')
    if (!name.isWellFormed()) throw new PayloadFault('a name holds half a surrogate pair')
    members += 1 + countMembers((value as JsonObject)[name], depth + 1)
  }
  return members
}

/** In valid JSON each object member has exactly one colon outside strings; a name given twice is lost in parsing but not here. */
function countColons(text: string): number {
  let colons = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 58) colons++
    else if (code === 34) i = endOfString(text, i)
  }
  return colons
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes++
  return backslashes % 2 === 1
}
