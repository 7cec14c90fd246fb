import type { Compilable, CompiledQuery, RawBuilder } from 'kysely'
import type { Db } from './store.js'

/** Stands for a parameter while a query is compiled. */
class Parameter<Input> {
  readonly name: keyof Input

  constructor(name: keyof Input) {
    this.name = name
  }
}

/**
 * A query that Kysely builds and compiles once, for what every login asks: building one takes longer than SQLite takes to answer it.
 * @param build is given stand-ins in the place of the input's values, and may do nothing with them but pass them on as parameters
 */
export function prepare<Input extends object, Row>(
  build: (db: Db, input: Input) => Compilable<Row>,
): (db: Db, input: Input) => Promise<Row[]> {
  let compiled: CompiledQuery<Row> | null = null
  const standIns = new Proxy({} as Input, { get: (_, name) => new Parameter(name as keyof Input) })
  return async (db, input) => {
    compiled ??= build(db, standIns).compile()
    const parameters = compiled.parameters.map(one => (one instanceof Parameter ? input[one.name as keyof Input] : one))
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows
  }
}

/** The same for a statement in SQL. */
export const prepareSql = <Input extends object, Row = unknown>(build: (input: Input) => RawBuilder<Row>) =>
  prepare((db: Db, input: Input) => ({ compile: () => build(input).compile(db) }))
