import { type SelectQueryBuilder, sql } from 'kysely'
import { encodeCursor, type Page } from '../page.js'

/** What the rows of a page hold together, in bytes: a thousand payloads of 256 KiB would be a quarter of a gigabyte. */
export const maxPageBytes = 4 << 20

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
export async function readWithin<DB, TB extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, TB, Row>,
  large: readonly string[],
  limit: number,
  budget = maxPageBytes,
): Promise<Within<Row>> {
  const held = sql<number>`${sql.join(
    large.map(column => sql`ifnull(octet_length(${sql.ref(column)}), 0)`),
    sql` + `,
  )}`
  const sizes = await query
    .clearSelect()
    .select(held.as('held'))
    .$castTo<{ held: number }>()
    .limit(limit + 1)
    .execute()
  let bytes = 0
  let count = 0
  for (const { held } of sizes.slice(0, limit)) {
    const first = count === 0 && budget === maxPageBytes
    if (bytes + held > budget && !first) break
    bytes += held
    count++
  }
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
