import { useLayoutEffect, useRef } from 'preact/hooks'
import { useRead } from './read.ts'

/** Rows that the hub gives at most at once. */
const most = 1000

const pageOf = (cursor: string | null) => ({ limit: most, ...(cursor !== null && { cursor }) })

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

/** Rows that are asked for at a time. */
const atOnce = 50

/**
 * A list that is read a page at a time, as far as somebody wants to see of it, and as far as that when it is read anew. `name` says which one it is,
 * and another `version` that it is to be read anew.
 */
export function usePages<Row>(
  name: string,
  readPage: (query: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Row>>,
  version: string | number = '',
) {
  const length = useRef(0)
  useLayoutEffect(() => {
    length.current = 0
  }, [name])
  const readShown = () => readPage({ limit: Math.min(most, Math.max(atOnce, length.current)) })
  const list = useRead<Page<Row>>(name, readShown, version)
  const page = list.value instanceof Error ? null : list.value
  length.current = page?.rows.length ?? 0
  const more = async () => {
    if (page === null || page.next_cursor === null) return
    const cursor = page.next_cursor
    const { rows, next_cursor } = await readPage({ limit: atOnce, cursor })
    // Unless it was read anew meanwhile.
    list.change(known => (known.next_cursor === cursor ? { rows: [...known.rows, ...rows], next_cursor } : known))
  }
  return { ...list, more }
}
