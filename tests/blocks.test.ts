import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BlockSample, DamagedBlock, fieldInBlock, packBlock, unpackBlock } from '../src/blocks.js'

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (Object.is(number, -0) ? 0 : number)),
  fc.integer({ min: -(10 ** 6), max: 10 ** 6 }).map(number => number / 100),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.string(),
)
const name = fc.constantFrom('temperature', 'on', 'constructor', 'toString', 'a"b', '7', '')
const sample = fc.record(
  {
    ts: fc.integer({ min: 0, max: 3_599_999 }).map(ms => Date.UTC(2026, 0, 1) + ms),
    received_at: fc.integer({ min: 0, max: Date.UTC(2030, 0, 1) }),
    data: fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }),
    metadata: fc.option(fc.dictionary(name, fc.string(), { noNullPrototype: true })),
    quality: fc.constantFrom('received' as const, null),
  },
  { noNullPrototype: true },
)
const samples = fc
  .uniqueArray(sample, { minLength: 1, selector: ({ ts }) => ts })
  .map(all => all.sort((one, other) => one.ts - other.ts))

test('what comes out of a block is what went in', () => {
  fc.assert(
    fc.property(samples, all => {
      expect(unpackBlock(packBlock(all))).toStrictEqual(all)
    }),
  )
})

test('a byte that is another one is found, wherever it is behind the header, which says how hard it was tried', () => {
  fc.assert(
    fc.property(samples, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, at, by) => {
      const block = packBlock(all)
      const i = 2 + (at % (block.length - 2))
      block[i] = (block[i] ?? 0) ^ by
      expect(() => unpackBlock(block)).toThrow(DamagedBlock)
      expect(() => fieldInBlock(block, 'temperature')).toThrow(DamagedBlock)
    }),
  )
})

test('a field alone is what the samples say of it', () => {
  fc.assert(
    fc.property(samples, name, (all, field) => {
      const wanted = all.flatMap(({ ts, data }) => (Object.hasOwn(data, field) ? [[ts, data[field]]] : []))
      expect(fieldInBlock(packBlock(all), field)).toEqual(wanted)
    }),
  )
})

test('three values each ten seconds take less than two bytes a value', () => {
  const begin = Date.UTC(2026, 0, 1)
  const all: BlockSample[] = Array.from({ length: 360 }, (_, i) => ({
    ts: begin + i * 10_000,
    received_at: begin + i * 10_000 + 30 + (i % 7),
    data: {
      temperature: Math.round(2000 + 300 * Math.sin(i / 60) + (i % 5)) / 100,
      humidity: Math.round(500 + 40 * Math.cos(i / 90) + (i % 3)) / 10,
      battery: 97,
    },
    metadata: null,
    quality: null,
  }))
  expect(packBlock(all).length).toBeLessThan(2 * 3 * all.length)
})
