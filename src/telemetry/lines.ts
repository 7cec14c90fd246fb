import { isUtf8 } from 'node:buffer'

/** A line of a file that comes piece by piece: with its line end, or why it cannot be read. */
export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
  readonly fault?: string
}

/** Longer lines are refused, so that memory stays flat however long the file is. In bytes. */
export const maxLineBytes = 1024 * 1024

/** The lines of each piece that end in it. The last one may do without a line end. */
export async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Line[]> {
  let held: Buffer[] = []
  let bytes = 0
  let number = 0
  const hold = (part: Buffer) => {
    bytes += part.length
    if (bytes > maxLineBytes) held = []
    else held.push(part)
  }
  const take = (): Line => {
    const line = lineOf(++number, bytes, held)
    held = []
    bytes = 0
    return line
  }
  for await (const piece of pieces) {
    const lines: Line[] = []
    let start = 0
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      hold(piece.subarray(start, end + 1))
      lines.push(take())
      start = end + 1
    }
    hold(piece.subarray(start))
    yield lines
  }
  if (bytes > 0) yield [take()]
}

function lineOf(number: number, bytes: number, held: readonly Buffer[]): Line {
  if (bytes > maxLineBytes) return { number, text: '', fault: `longer than ${maxLineBytes} bytes` }
  const whole = Buffer.concat(held, bytes)
  if (!isUtf8(whole)) return { number, text: '', fault: 'not UTF-8' }
  const text = whole.toString('utf8')
  return { number, text: number === 1 ? text.replace(/^\uFEFF/, '') : text }
}
