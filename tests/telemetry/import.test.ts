import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importReadings } from '../../src/telemetry/import.js'
import { maxLineBytes } from '../../src/telemetry/lines.js'
import { openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
let devices = 0
const ts = Date.UTC(2025, 0, 1)

beforeAll(async () => {
  opened = await openTestStore({ sync: 'normal' })
})
afterAll(() => opened.close())

async function* inPieces(file: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(file)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Imports a file into a device of its own. @returns what was answered, and the samples */
async function importFile(file: string | Buffer, format: 'csv' | 'ndjson' = 'csv', size = 64) {
  const device_num = ++devices
  const answer = await importReadings(opened.store, device_num, format, inPieces(file, size))
  const rows = await opened.db
    .selectFrom('telemetry')
    .select(['ts', 'data', 'metadata', 'quality'])
    .where('device_num', '=', device_num)
    .execute()
  return { ...answer, samples: rows.map(row => [row.ts - ts, row.data] as const), rows }
}

test('a file may come in any pieces, with any line ends, with a byte order mark and without a last line end', async () => {
  const samples = [
    [0, { a: 1, b: 'x\r\ny' }],
    [1, { b: 'ä😀' }],
    [2, { a: true }],
  ]
  for (const end of ['\n', '\r\n']) {
    const file = [`\uFEFFts,a,b`, `${ts},1,"x\r\ny"`, `${ts + 1},,ä😀`, '', `${ts + 2},true,`].join(end)
    for (const size of [1, 2, 3, 7, 1000])
      expect(await importFile(file, 'csv', size)).toMatchObject({ imported: 3, refused_count: 0, samples })
  }
})

test('NDJSON keeps metadata and quality, and what else a line says is not taken over', async () => {
  const lines = [
    { ts, received_at: 5, data: { a: 1, nested: { b: 2 } }, metadata: { battery: 80 }, quality: 'received' },
    { ts: ts + 1, device_id: 'x', data: { a: 2 } },
  ]
  const { rows } = await importFile(lines.map(line => JSON.stringify(line)).join('\n'), 'ndjson')
  expect(rows).toEqual([
    { ts, data: { a: 1, 'nested.b': 2 }, metadata: { battery: 80 }, quality: 'received' },
    { ts: ts + 1, data: { a: 2 }, metadata: null, quality: null },
  ])
})

test('a line of an hour whose readings are gone is told by its number, and the rest is kept', async () => {
  const file = (value: number) => [0, 1, 2].map(i => `${ts + i * 3_600_000},${value}`).join('\n')
  await importFile(`ts,a\n${file(1)}`)
  const gone = { device_num: devices, start: ts + 3_600_000, state: 3, pack_at: null }
  await opened.db.replaceInto('telemetry_hours').values(gone).execute()
  const again = inPieces(`ts,b\n${file(2)}`, 64)
  expect(await importReadings(opened.store, devices, 'csv', again)).toEqual({
    imported: 2,
    refused: [{ line: 3, message: 'retention has let go of readings of that time' }],
    refused_count: 1,
  })
})

describe('a broken line is told by its number, and the rest goes on', () => {
  test.each<[string, string, RegExp]>([
    ['a record of two lines', `x,"1\n2",`, /whole number/],
    ['too few cells', `${ts + 1},1`, /2 cells, not 3/],
    ['too many', `${ts + 1},1,2,3`, /4 cells/],
    ['a quote within', `${ts + 1},a"b"c,`, /no CSV/],
    ['a quote that is not closed', `${ts + 1},"b,`, /no CSV|not closed/],
    ['a time that is none', 'yesterday,1,2', /whole number/],
    ['no time', ',1,2', /whole number/],
    ['a time that is not believed', '1500000000000,1,2', /before 2020/],
    ['a time to come', `${Date.now() + 86_400_000},1,2`, /ahead of the clock/],
    ['a number that is too large', `${ts + 1},1e999,2`, /too large/],
    ['no values', `${ts + 1},,`, /no values/],
  ])('in CSV: %s', async (_, line, message) => {
    const { imported, refused, samples } = await importFile(
      `ts,a,b\n${ts},1,2\n${line}\n${ts + 2},3,"4"\n${ts + 3},5,6`,
    )
    expect(refused).toEqual([{ line: 3, message: expect.stringMatching(message) }])
    expect(imported).toBe(3)
    expect(samples).toEqual([
      [0, { a: 1, b: 2 }],
      [2, { a: 3, b: '4' }],
      [3, { a: 5, b: 6 }],
    ])
  })

  test.each<[string, string, RegExp]>([
    ['no JSON', '{"ts":', /not JSON/],
    ['no object', '[1]', /must be an object/],
    ['no data', `{"ts":${ts + 1}}`, /must be an object/],
    ['a name twice', `{"ts":${ts + 1},"data":{"a":1,"a":2}}`, /twice/],
    ['a list as a value', `{"ts":${ts + 1},"data":{"a":[1]}}`, /a must be a number/],
    ['metadata that is no object', `{"ts":${ts + 1},"data":{"a":1},"metadata":5}`, /metadata/],
    ['a fraction of a time', `{"ts":${ts + 0.5},"data":{"a":1}}`, /whole number/],
  ])('in NDJSON: %s', async (_, line, message) => {
    const good = (n: number) => JSON.stringify({ ts: ts + n, data: { a: n } })
    const { imported, refused, samples } = await importFile(`${good(0)}\n${line}\n${good(2)}\n`, 'ndjson')
    expect(refused).toEqual([{ line: 2, message: expect.stringMatching(message) }])
    expect([imported, samples.map(([at]) => at)]).toEqual([2, [0, 2]])
  })

  test('bytes that are no UTF-8, and a line that is too long', async () => {
    const file = Buffer.concat([
      Buffer.from(`ts,a\n${ts},1\n${ts + 1},`),
      Buffer.from([0xff]),
      Buffer.from(`\n${ts + 2},${'x'.repeat(maxLineBytes)}\n${ts + 3},4\n`),
    ])
    const { imported, refused } = await importFile(file, 'csv', 10_000)
    expect(refused).toEqual([
      { line: 3, message: 'not UTF-8' },
      { line: 4, message: expect.stringContaining('longer than') },
    ])
    expect(imported).toBe(2)
  })

  test('a quote that is never closed takes only its own line with it', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => `${ts + i},${i === 7 ? '"' : ''}${i}`)
    const { imported, refused } = await importFile(['ts,a', ...rows].join('\n'), 'csv', 5000)
    expect(refused).toEqual([{ line: 9, message: 'a quote is not closed' }])
    expect(imported).toBe(2999)
  })

  test('the first twenty of many, and how many there are', async () => {
    const rows = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ ts: ts + i, data: { a: i % 4 ? i : [] } }))
    const { imported, refused, refused_count } = await importFile(rows.join('\n'), 'ndjson')
    expect(refused.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, i) => i * 4 + 1))
    expect([imported, refused_count]).toEqual([1500, 500])
  })
})

test.each(['a,b\n1,2', '"ts\n', 'ts,a,a\n', 'ts,a,\n', 'received_at,ts\n'])(
  'CSV with the header %j is refused whole',
  async file => {
    await expect(importFile(file)).rejects.toMatchObject({ code: 'invalid_request' })
  },
)

test('a file without a line holds nothing', async () => {
  for (const format of ['csv', 'ndjson'] as const)
    expect(await importFile('', format)).toMatchObject({ imported: 0, refused_count: 0 })
})
