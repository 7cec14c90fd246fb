/** Prints a result: one JSON line for scripts, else lines for people. */
export function print(result: object, json: boolean, lines: () => readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines().join('\n')}\n`)
}

/** Rows in columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), [])
  return rows.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Whether colour and moving lines are welcome: only on a terminal, and not where NO_COLOR says otherwise. */
export const isTerminal = () => process.stdout.isTTY === true

/** What devices send is not trusted with the terminal: control characters are shown, not obeyed. */
export const printable = (text: string) =>
  JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll(/[\u007f-\u009f]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`)
