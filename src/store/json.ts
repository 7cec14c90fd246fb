import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs, QueryResult, UnknownRow } from 'kysely'

/** The columns held as JSON text. A column of one of these names is JSON in every table. */
const jsonColumns: ReadonlySet<string> = new Set([
  'hello',
  'vitals',
  'reported',
  'desired',
  'wishes',
  'change',
  'whole',
  'data',
  'raisers',
  'names',
  'metadata',
  'latest',
  'params',
  'condition',
  'active_hours',
  'result',
  'error',
  'policy',
  'publish',
  'retention_fields',
  'subscribe',
  'detail',
  'thresholds',
])

/** Reads JSON columns back as values. Their names decide, never the text: a name that looks like JSON stays a string. */
export class JsonColumns implements KyselyPlugin {
  transformQuery(args: PluginTransformQueryArgs) {
    return args.node
  }

  async transformResult(args: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    const first = args.result.rows[0]
    const names = first ? Object.keys(first).filter(name => jsonColumns.has(name)) : []
    if (names.length === 0) return args.result
    for (const row of args.result.rows) {
      for (const name of names) {
        const text = row[name]
        if (typeof text === 'string') row[name] = JSON.parse(text)
      }
    }
    return args.result
  }
}

/** A query parameter as SQLite takes it: objects and arrays as JSON text, booleans as 0 and 1. */
export function toSqlite(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return JSON.stringify(value)
}
