import { type SelectQueryBuilder, sql } from 'kysely'
import { encodeCursor, type Page } from '../page.js'

/** What the rows of a page hold together, in bytes: a thousand payloads of 256 KiB would be a quarter of a gigabyte. */
export const maxPageBytes = 4 << 20

/** What a row holds in large columns, in bytes, measured before it is read. */
export const heldIn = (columns: readonly string[]) =>
  sql<number>`${sql.join(
    columns.map(column => sql`ifnull(octet_length(${sql.ref(column)}), 0)`),
    sql` + `,
  )}`

/** How many rows make a page: at most `limit`, and no more than `budget` bytes, though a first one larger than a whole page is taken. */
export function fitting(sizes: readonly { readonly held: number }[], limit: number, budget = maxPageBytes) {
  let bytes = 0
  let count = 0
  for (const { held } of sizes.slice(0, limit)) {
    const first = count === 0 && budget === maxPageBytes
    if (bytes + held > budget && !first) break
    bytes += held
    count++
  }
  return { count, bytes }
}

interface Within<Row> {
  readonly rows: Row[]
  /** The bytes that they hold in the large columns. */
  readonly bytes: number
  /** Whether the query has more rows than these. */
  readonly more: boolean
}

/**
 * The first rows of a query: at most `limit`, and no more than hold `budget` bytes together. A first row larger than a whole page is
 * given all the same. What the rows hold is measured before they are read.
 * @param large the columns that may hold much
 */
async function readWithin<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  large: readonly string[],
  limit: number,
  budget = maxPageBytes,
): Promise<Within<Row>> {
  const sizes = await query
    .clearSelect()
    .select(heldIn(large).as('held'))
    .$castTo<{ held: number }>()
    .limit(limit + 1)
    .execute()
  const { count, bytes } = fitting(sizes, limit, budget)
  const rows = count > 0 ? await query.limit(count).execute() : []
  return { rows, bytes, more: sizes.length > count }
}

/**
 * A page of a query that is ordered and begins behind its cursor.
 * @param keyOf what the cursor of the next page stands for
 */
export async function readPage<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  { limit, keyOf, large = [] }: { limit: number; keyOf(row: Row): string | number; large?: readonly string[] },
): Promise<Page<Row>> {
  const { rows, more } = large.length > 0 ? await readWithin(query, large, limit) : await readSmall(query, limit)
  const last = rows.at(-1)
  return { rows, next_cursor: more && last !== undefined ? encodeCursor(keyOf(last)) : null }
}

async function readSmall<DB, TB extends keyof DB, Row>(query: SelectQueryBuilder<DB, TB, Row>, limit: number) {
  const rows = await query.limit(limit + 1).execute()
  return { rows: rows.slice(0, limit), more: rows.length > limit }
}
