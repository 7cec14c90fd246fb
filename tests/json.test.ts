import { describe, expect, test } from 'vitest'
import { createRandom } from '../simulators/random.js'
import { isObject, PayloadFault, parseJson, parseObject } from '../src/json.js'

const parse = (text: string | Buffer, maxBytes?: number) => parseJson(Buffer.from(text), maxBytes)
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

test.each([
  '{"a":1,"b":[true,null,{"c":"d"}]}',
  '{"a:b":"c:d","e\\"f":"\\\\","g":"\\\\\\":"}',
  '{"\\u003a":":","x":"\\u003a"}',
  '[{"a":1},{"a":2}]',
  '{"a":{"a":{"a":1}}}',
  '"\\ud83c\\udf21"',
  '"🌡"',
  ' { "a" : 1 } ',
  '-0.5e-3',
  'null',
  nested(16),
])('%s is read as JSON.parse reads it', text => expect(parse(text)).toEqual(JSON.parse(text)))

describe('what parsers disagree about is refused', () => {
  test.each<[string, string | Buffer, string]>([
    ['a name given twice', '{"a":1,"a":2}', 'given twice'],
    ['a name given twice, spelled differently', '{"a":1,"\\u0061":2}', 'given twice'],
    ['a name given twice deep down', '[[{"x":{"a":1,"b":2,"a":3}}]]', 'given twice'],
    ['a name of colons given twice', '{"::":1,"::":2}', 'given twice'],
    ['__proto__', '{"__proto__":1}', '__proto__'],
    ['a number beyond measure', '[1e400]', 'too large'],
    ['half a surrogate pair', '"\\udfff"', 'half a surrogate pair'],
    ['half a surrogate pair in a name', '{"\\ud800":1}', 'half a surrogate pair'],
    ['17 levels', nested(17), 'nested deeper'],
    ['100,000 levels', nested(100_000), 'nested deeper'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'not UTF-8'],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'not UTF-8'],
    ['a byte order mark', '\ufeff1', 'not JSON'],
    ['no JSON', 'hello', 'not JSON'],
    ['nothing', '', 'not JSON'],
  ])('%s', (_, text, why) => {
    const read = () => parse(text)
    expect(read).toThrow(PayloadFault)
    expect(read).toThrow(why)
  })
})

test('the limit of bytes is of bytes, not characters', () => {
  expect(parse('"éé"', 6)).toBe('éé')
  expect(() => parse('"éé"', 5)).toThrow('larger than 5 bytes')
})

test('constructor and its like are names like any other, and pollute nothing', () => {
  expect(parse('{"constructor":{"prototype":{"polluted":1}}}')).toEqual({ constructor: { prototype: { polluted: 1 } } })
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('any JSON that JSON.stringify wrote is taken, whatever characters its names and texts have', () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const random = createRandom(seed)
  const text = () =>
    Array.from({ length: 6 }, () => random.pick(['"', '\\', ':', ',', '{', '}', '\n', '\u0000', 'é', '🌡', 'a'])).join(
      '',
    )
  const value = (depth: number): unknown => {
    if (depth > 4 || random.chance(0.4)) return random.pick<unknown>([1, -0.5, true, null, text(), text()])
    if (random.chance(0.5)) return [value(depth + 1), value(depth + 1)]
    return { [text()]: value(depth + 1), [text()]: value(depth + 1) }
  }
  for (let i = 0; i < 3000; i++) {
    const json = JSON.stringify(value(0))
    expect(parse(json), `seed ${seed}: ${json}`).toEqual(JSON.parse(json))
  }
})

test('an object is an object: no array, no null, no scalar', () => {
  expect(parseObject(Buffer.from('{"a":1}'))).toEqual({ a: 1 })
  for (const text of ['[]', 'null', '1', '"{}"']) {
    expect(() => parseObject(Buffer.from(text))).toThrow('must be a JSON object')
  }
  expect([{}, [], null, 'x', undefined].map(isObject)).toEqual([true, false, false, false, false])
})
