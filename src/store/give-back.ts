import type { Database } from './sqlite.js'

/** Free pages that stay in the file for what comes next, 4 MiB. */
const spare = 1024
/** Pages that are given back at a time, some 5 ms of the writer. */
const atOnce = 256

/**
 * Gives what has become free back to the file system, a little at a time: the file is shorter after the next checkpoint. A file that was made
 * without auto_vacuum keeps its free pages for itself.
 * @returns whether there is more
 */
export function giveBack(db: Database): boolean {
  const free = Number(db.pragma('freelist_count', { simple: true })) - spare
  if (free <= 0 || db.pragma('auto_vacuum', { simple: true }) !== 2) return false
  // better-sqlite3 runs a statement for its first row only, which is one page.
  db.exec(`pragma incremental_vacuum(${Math.min(free, atOnce)})`)
  return free > atOnce
}
