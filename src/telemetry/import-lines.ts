import { HubError } from '../errors.js'
import { isObject, PayloadFault, parseJson } from '../json.js'
import { type Cell, cellsOf, readCell, textOf } from './csv.js'
import { type Line, maxLineBytes } from './lines.js'
import { earliest, maxAheadMs, maxKeys } from './payload.js'

/** A line of an imported file: the points it makes, as JSON text, or why it makes none. */
export type Entry =
  | { readonly line: number; readonly points: readonly string[] }
  | { readonly line: number; readonly message: string }

/** Reads the lines of a file, in their order. */
interface LineReader {
  take(line: Line): Entry[]
  /** What was held back for lines that did not come. */
  end(): Entry[]
}

/** Makes an entry of a line, or says what is wrong with it. */
function entryOf(line: number, read: () => readonly string[]): Entry {
  try {
    return { line, points: read() }
  } catch (error) {
    if (error instanceof PayloadFault) return { line, message: error.message }
    throw error
  }
}

/** A sample as points of no more fields than a message may have; at one time they are one again. @throws PayloadFault */
function pointsOf(sample: {
  ts: unknown
  data: Readonly<Record<string, unknown>>
  metadata?: unknown
  quality: unknown
}) {
  const { ts, metadata, quality } = sample
  if (typeof ts !== 'number' || !Number.isInteger(ts))
    throw new PayloadFault('ts must be a whole number of milliseconds')
  if (ts < earliest || ts > Date.now() + maxAheadMs)
    throw new PayloadFault(`ts lies before ${new Date(earliest).toISOString()} or ahead of the clock`)
  const fields = Object.entries(sample.data)
  if (fields.length === 0) throw new PayloadFault('there are no values')
  const points: string[] = []
  for (let i = 0; i < fields.length; i += maxKeys)
    points.push(JSON.stringify({ ts, quality, metadata, data: Object.fromEntries(fields.slice(i, i + maxKeys)) }))
  return points
}

/** A sample a line, as the export writes it. `received_at` is not taken over: it says when the hub received a sample. */
class NdjsonReader implements LineReader {
  take({ number, text, fault }: Line): Entry[] {
    if (fault !== undefined) return [{ line: number, message: fault }]
    if (text.trim() === '') return []
    return [entryOf(number, () => this.#read(text))]
  }

  end(): Entry[] {
    return []
  }

  #read(text: string): string[] {
    const sample = parseJson(Buffer.from(text), maxLineBytes)
    if (!isObject(sample) || !isObject(sample.data)) throw new PayloadFault('a line must be an object with ts and data')
    const { ts, data, metadata, quality } = sample
    return pointsOf({ ts, data, metadata, quality })
  }
}

/** What of a record is no field, in the columns in which the export has it. */
const fixed = ['ts', 'received_at', 'quality']

interface Header {
  /** The first columns: `ts` and what else of the fixed ones is there. */
  readonly fixed: readonly string[]
  readonly fields: readonly string[]
  /** Where even `ts` is in quotes, everything is, and quotes tell nothing of a cell. */
  readonly quotesTell: boolean
}

/** A record may go over several lines: as long as a quote is open. Of one that is no CSV only the first line is taken for broken. */
class CsvReader implements LineReader {
  #header: Header | null = null
  #held: Line[] = []
  #length = 0
  #open = false

  take(line: Line): Entry[] {
    if (line.fault !== undefined) return [...this.end(), ...this.#refuse(line.number, line.fault)]
    this.#held.push(line)
    this.#length += line.text.length
    if (quotesIn(line.text) % 2 === 1) this.#open = !this.#open
    if (!this.#open) return this.#read()
    return this.#length > maxLineBytes ? this.#giveUp('a quote is not closed') : []
  }

  end(): Entry[] {
    return this.#held.length > 0 ? this.#giveUp('a quote is not closed') : []
  }

  #read(): Entry[] {
    const lines = this.#held.map(({ text }) => text)
    const record = lines.join('').replace(/\r?\n$/, '')
    const cells = cellsOf(record)
    if (cells === null) return this.#giveUp('this is no CSV')
    const { number = 0 } = this.#forget()[0] ?? {}
    const header = this.#header
    if (record === '') return []
    if (header !== null) return [entryOf(number, () => readRecord(cells, header))]
    this.#header = headerOf(cells)
    return []
  }

  /** The first of the lines held is refused; those behind it are read anew. */
  #giveUp(message: string): Entry[] {
    const [first, ...behind] = this.#forget()
    return [...this.#refuse(first?.number ?? 0, message), ...behind.flatMap(line => this.take(line))]
  }

  #forget(): Line[] {
    this.#length = 0
    this.#open = false
    return this.#held.splice(0)
  }

  /** @throws HubError `invalid_request`: without its header no line of a file can be read */
  #refuse(line: number, message: string): Entry[] {
    if (this.#header === null) throw new HubError('invalid_request', `The first line cannot be read: ${message}.`)
    return [{ line, message }]
  }
}

function quotesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++
  return count
}

/** @throws HubError `invalid_request` */
function headerOf(cells: readonly Cell[]): Header {
  const names = cells.map(({ text }) => text)
  const own = fixed.filter((name, i) => names[i] === name)
  const fields = names.slice(own.length).map(textOf)
  if (own[0] !== 'ts')
    throw new HubError(
      'invalid_request',
      'The first line must name the columns, separated by commas: ts, then the fields.',
    )
  if (fields.includes('') || new Set(fields).size < fields.length)
    throw new HubError('invalid_request', 'A column has no name, or two have the same.')
  return { fixed: own, fields, quotesTell: cells[0]?.quoted === false }
}

function readRecord(cells: readonly Cell[], { fixed, fields, quotesTell }: Header): string[] {
  const wanted = fixed.length + fields.length
  if (cells.length !== wanted) throw new PayloadFault(`there are ${cells.length} cells, not ${wanted}`)
  const at = (name: string) => cells[fixed.indexOf(name)]?.text
  const values = cells.slice(fixed.length).map(cell => readCell(cell, quotesTell))
  const data = fields.map((field, i) => [field, values[i]] as const).filter(([, value]) => value !== undefined)
  const ts = /^\d{1,15}$/.test(at('ts') ?? '') ? Number(at('ts')) : null
  return pointsOf({ ts, data: Object.fromEntries(data), quality: at('quality') })
}

export const readers = {
  csv: () => new CsvReader(),
  ndjson: () => new NdjsonReader(),
} satisfies Record<string, () => LineReader>
