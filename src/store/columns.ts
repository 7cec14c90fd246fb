import type { ColumnType } from 'kysely'

/** Milliseconds since 1970, UTC. */
export type Time = number
/** Held as JSON text; reads come back parsed, writes take the value (see json.ts). */
export type Json<T> = ColumnType<T, T, T>
