const pageOf = (cursor: string | null) => ({ limit: 1000, ...(cursor !== null && { cursor }) })

const mostPages = 20

export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly next_cursor: string | null
}

/** Every page of a list, up to 20,000 rows. */
export async function everyPage<Row>(read: (query: ReturnType<typeof pageOf>) => Promise<Page<Row>>): Promise<Row[]> {
  const all: Row[] = []
  let cursor: string | null = null
  for (let count = 0; count < mostPages; count++) {
    const { rows, next_cursor }: Page<Row> = await read(pageOf(cursor))
    all.push(...rows)
    cursor = next_cursor
    if (cursor === null) break
  }
  return all
}
