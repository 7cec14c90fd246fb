import { expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { cellsOf, csvRow, readCell } from '../../src/telemetry/csv.js'

const read = (line: string, quotesTell = true) =>
  cellsOf(line.replace(/\r\n$/, ''))?.map(cell => readCell(cell, quotesTell))

test('what is written is read as it was, texts that look like something else too', () => {
  const cells = [1, -1.5, 1e21, 1e-7, 0, true, false, undefined, '', 'a', '1', '-1', '+1', '1e3', '.5', 'true', 'FALSE']
  const texts = [
    '=1+1',
    "'=1",
    "''@",
    "'",
    "'a",
    '@x',
    '\tx',
    '\rx',
    'a,b',
    '"',
    '""',
    'a"b',
    'a\r\nb',
    '\n',
    ' 1',
    '１',
  ]
  const all = [...cells, ...texts]
  expect(read(csvRow(all))).toEqual(all)
  for (const one of all) expect(read(csvRow([one]))).toEqual([one])
})

test('and so is any text', () => {
  const random = createRandom(1)
  const characters = ['"', "'", ',', '\r', '\n', '=', '-', '1', 'e', '.', ' ', 'a', 'ä', '😀', '\t'] as const
  for (let i = 0; i < 3000; i++) {
    const row = Array.from({ length: 1 + (i % 4) }, () =>
      Array.from({ length: i % 7 }, () => random.pick(characters)).join(''),
    )
    expect(read(csvRow(row))).toEqual(row)
  }
})

test('nothing that a spreadsheet would take for a formula is written', () => {
  for (const text of ['=1', '+1', '-1', '@a', '\t=', '\r', "'=1"]) expect(csvRow([text])).toMatch(/^"?'/)
})

test('where everything is in quotes, they tell nothing', () => {
  expect(read('"1","true","a",""', false)).toEqual([1, true, 'a', undefined])
  expect(read('21.50,1E3,007,TRUE,12:30')).toEqual([21.5, 1000, 7, true, '12:30'])
})

test.each(['"a', '"a"b', 'a"b', '"a" ,b', 'a\rb'])('%j is no CSV', line => expect(cellsOf(line)).toBeNull())

test('a number that is too large is no value', () => expect(() => read('1e999')).toThrow('too large'))

test('a long cell is read in one go', () => {
  const text = '"'.repeat(400_000)
  expect(read(csvRow([text, 1]))).toEqual([text, 1])
  expect(cellsOf(`"${'x'.repeat(900_000)}`)).toBeNull()
})
