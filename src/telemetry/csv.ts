import { PayloadFault } from '../json.js'
import type { Value } from './payload.js'

/** CSV as the hub writes and reads it: RFC 4180, numbers and true/false bare, and a text in quotes where it could be taken for one. */

/** A text that a spreadsheet would take for a formula is led by an apostrophe (OWASP, CSV injection), and so is one that looks led. */
const formula = /^'*[=+\-@\t\r]/
const led = /^'+[=+\-@\t\r]/
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const truth = /^(?:true|false)$/i

/** A line of CSV. What is absent is an empty cell, and an empty text `""`. */
export const csvRow = (cells: readonly (Value | undefined)[]) => `${cells.map(written).join(',')}\r\n`

function written(value: Value | undefined): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const text = formula.test(value) ? `'${value}` : value
  const ambiguous = text === '' || number.test(text) || truth.test(text)
  return ambiguous || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export interface Cell {
  readonly text: string
  readonly quoted: boolean
}

/** The cells of a record without its line end; null when it is no CSV. */
export function cellsOf(record: string): Cell[] | null {
  const pattern = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|$)/y
  const cells: Cell[] = []
  for (let more = true; more; ) {
    const match = pattern.exec(record)
    if (!match) return null
    const [, quoted, bare = '', behind] = match
    cells.push({ text: quoted?.replaceAll('""', '"') ?? bare, quoted: quoted !== undefined })
    more = behind === ','
  }
  return cells
}

/** @param quotesTell whether a text in quotes is one even where it looks like a number */
export function readCell({ text, quoted }: Cell, quotesTell: boolean): Value | undefined {
  if (!quoted || !quotesTell) {
    if (text === '') return undefined
    if (truth.test(text)) return text.toLowerCase() === 'true'
    if (number.test(text)) return finite(Number(text))
  }
  return textOf(text)
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new PayloadFault('a number is too large')
  return value
}

/** A text as it was before it was written. */
export const textOf = (text: string) => (led.test(text) ? text.slice(1) : text)
