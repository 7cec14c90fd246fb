import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { PayloadFault } from '../../src/json.js'
import { type Point, parseTelemetry } from '../../src/telemetry/payload.js'

const received = Date.UTC(2026, 0, 1)
const ts = received - 60_000

function parse(payload: unknown): Point[] {
  return parseTelemetry(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), received)
}

function one(payload: unknown): Point {
  const [point, ...more] = parse(payload)
  if (!point || more.length > 0) throw new Error('not one point')
  return point
}

const wide = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]))
const deep = (levels: number, inside: unknown = 1): unknown => (levels === 0 ? inside : { d: deep(levels - 1, inside) })

describe('a point', () => {
  test('is plain readings', () => {
    const data = { temperature: 21.5, humidity: 40, on: true, mode: 'auto' }
    expect(one(data)).toEqual({ ts: null, data, metadata: null, quality: null, relative: false })
  })

  test('is plain readings with their time among them', () => {
    expect(one({ ts, temperature: 21.5 })).toMatchObject({ ts, data: { temperature: 21.5 } })
  })

  test('is data with time and metadata', () => {
    const metadata = { battery_level: 85, nested: { is: ['kept'] } }
    expect(one({ ts, data: { t: 1 }, metadata })).toEqual({
      ts,
      data: { t: 1 },
      metadata,
      quality: null,
      relative: false,
    })
  })

  test('is values with time, the ThingsBoard way', () => {
    expect(one({ ts, values: { t: 1 } })).toMatchObject({ ts, data: { t: 1 } })
  })

  test('has unknown fields beside data, which are ignored', () => {
    expect(one({ ts, data: { t: 1 }, firmware: 'x', list: [1] }).data).toEqual({ t: 1 })
  })

  test('may call a reading data or values, when it is no object', () => {
    expect(one({ data: 5, values: 'six' }).data).toEqual({ data: 5, values: 'six' })
  })

  test('has nested readings flattened with dots, and nulls left out, however deep', () => {
    const nested = { a: { b: { c: 1, gone: null }, d: 'x' }, e: null, f: {} }
    expect(one(nested).data).toEqual({ 'a.b.c': 1, 'a.d': 'x' })
  })

  test('may have names that mean something to JavaScript', () => {
    const { data } = one('{"constructor":1,"toString":2,"hasOwnProperty":3,"length":4}')
    expect(Object.entries(data)).toEqual([
      ['constructor', 1],
      ['toString', 2],
      ['hasOwnProperty', 3],
      ['length', 4],
    ])
  })

  test('may have no readings at all', () => {
    expect(parse({})).toHaveLength(1)
    expect(parse([])).toEqual([])
  })
})

describe('time', () => {
  const earliest = Date.UTC(2020, 0, 1)
  const ahead = received + 5 * 60_000

  test.each([earliest, ts, received, ahead])('%d is believed', time => {
    expect(one({ ts: time, data: { t: 1 } })).toMatchObject({ ts: time, quality: null })
  })

  test.each([earliest - 1, ahead + 1, 0, -1, 1_767_225_600, 1e300, ts * 1000])(
    '%d is replaced by the receive time',
    time => {
      expect(one({ ts: time, data: { t: 1 } })).toMatchObject({ ts: null, quality: 'received' })
    },
  )

  test('is cut to whole milliseconds', () => expect(one({ ts: ts + 0.9, data: { t: 1 } }).ts).toBe(ts))

  test('is counted back with age', () => {
    expect(one({ age: 60_000, data: { t: 1 } })).toMatchObject({ ts: received - 60_000, relative: true })
    expect(one({ age: 0.5, data: { t: 1 } }).ts).toBe(received - 1)
    expect(one({ age: 1e15, data: { t: 1 } })).toMatchObject({ ts: null, quality: 'received' })
  })

  test('stands, when age is there as well', () => {
    expect(one({ ts, age: 5, data: { t: 1 } })).toMatchObject({ ts, relative: false })
  })

  test('is none when it is null, as devices without a clock send it', () => {
    expect(one({ ts: null, age: null, data: { t: 1 } })).toMatchObject({ ts: null, quality: null })
  })

  test('has no meaning beside plain readings unless it is a number, nor has age', () => {
    expect(one({ ts: 'now', age: 7 }).data).toEqual({ ts: 'now', age: 7 })
  })

  test('is each point’s own in a batch', () => {
    const points = parse([{ ts, data: { t: 1 } }, { age: 1000, data: { t: 2 } }, { t: 3 }, { ts: 5, values: { t: 4 } }])
    expect(points.map(point => point.ts)).toEqual([ts, received - 1000, null, null])
  })
})

describe('limits', () => {
  test('1000 points are taken, 1001 are not', () => {
    expect(parse(Array(1000).fill({ t: 1 }))).toHaveLength(1000)
    expect(() => parse(Array(1001).fill({ t: 1 }))).toThrow('more than 1000 points')
  })

  test('100 keys are taken, 101 are not, wherever they are nested', () => {
    expect(Object.keys(one(wide(100)).data)).toHaveLength(100)
    expect(() => parse(wide(101))).toThrow('more than 100 keys')
    expect(() => parse({ a: wide(51), b: wide(50) })).toThrow('more than 100 keys')
  })

  test('a depth of 16 is taken, 17 is not', () => {
    expect(Object.keys(one(deep(16)).data)).toEqual([Array(16).fill('d').join('.')])
    expect(() => parse(deep(17))).toThrow('nested deeper than 16')
  })

  test('256 KiB are taken, a byte more is not', () => {
    const text = (bytes: number) => JSON.stringify({ t: 'x'.repeat(bytes - '{"t":""}'.length) })
    expect(one(text(262_144)).data.t).toHaveLength(262_144 - 8)
    expect(() => parse(text(262_145))).toThrow('larger than 262144 bytes')
  })

  test('a name of 128 characters is taken, of 129 or none is not', () => {
    expect(() => parse({ ['n'.repeat(128)]: 1 })).not.toThrow()
    for (const name of ['', 'n'.repeat(129)]) expect(() => parse({ [name]: 1 })).toThrow('1 to 128 characters')
    expect(() => parse({ ['n'.repeat(64)]: { ['m'.repeat(64)]: 1 } })).toThrow('1 to 128 characters')
  })
})

describe('what is no reading is refused in words, and pollutes nothing (B7)', () => {
  test.each<[string, string | Buffer]>([
    ['10,000 levels of arrays', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['10,000 levels of objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['10,000 levels, never closed', '['.repeat(10_000)],
    ['100,000 keys', JSON.stringify(wide(100_000))],
    ['20,000 keys', JSON.stringify(wide(20_000))],
    ['1e999', '{"t":1e999}'],
    ['-1e999 in metadata', '{"data":{"t":1},"metadata":{"m":-1e999}}'],
    ['NaN', '{"t":NaN}'],
    ['Infinity', '{"t":Infinity}'],
    ['a name given twice', '{"t":1,"t":2}'],
    ['a name given twice, spelled differently', '{"t":1,"\\u0074":2}'],
    ['a name given twice in a batch', '[{"t":1},{"data":{"t":1,"t":1}}]'],
    ['__proto__', '{"__proto__":{"polluted":true}}'],
    ['__proto__ within', '{"a":{"__proto__":{"polluted":true}}}'],
    ['__proto__ spelled differently', '{"\\u005f_proto__":{"polluted":true}}'],
    ['__proto__ in metadata', '{"data":{},"metadata":{"__proto__":{"polluted":true}}}'],
    ['half a surrogate pair', '{"t":"\\ud800"}'],
    ['half a surrogate pair in a name', '{"\\udc00":1}'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a byte order mark', '\ufeff{"t":1}'],
    ['gzip', gzipSync('{"t":1}')],
    ['UTF-16', Buffer.from('{"t":1}', 'utf16le')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['nothing', ''],
    ['blanks', '   '],
    ['null', 'null'],
    ['a number', '21.5'],
    ['a string', '"21.5"'],
    ['a batch of numbers', '[1,2]'],
    ['a batch within a batch', '[[{"t":1}]]'],
    ['trailing text', '{"t":1}x'],
    ['a trailing comma', '{"t":1,}'],
    ['single quotes', "{'t':1}"],
    ['an array as a value', '{"t":[1,2]}'],
    ['an array deep down', '{"data":{"a":{"b":[1]}}}'],
    ['a time in words', '{"ts":"2026-01-01","data":{"t":1}}'],
    ['a negative age', '{"age":-1,"data":{"t":1}}'],
    ['an age in words', '{"age":"1s","data":{"t":1}}'],
    ['metadata in words', '{"data":{"t":1},"metadata":"x"}'],
    ['a control character in a name', '{"a\\u0000b":1}'],
    ['a newline in a name', '{"a\\nb":1}'],
  ])('%s', (_, payload) => {
    expect(() => parseTelemetry(Buffer.from(payload), received)).toThrow(PayloadFault)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('one bad point refuses its whole batch', () => {
    expect(() => parse([{ t: 1 }, { t: [2] }])).toThrow(PayloadFault)
  })
})
