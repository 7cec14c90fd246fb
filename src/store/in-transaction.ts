import type { Db } from './store.js'

/** Runs in a transaction: the one that `db` is, or one of its own. */
export const inTransaction = <Result>(db: Db, run: (tx: Db) => Promise<Result>): Promise<Result> =>
  db.isTransaction ? run(db) : db.transaction().execute(run)
