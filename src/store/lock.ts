import { join } from 'node:path'
import { HubError } from '../errors.js'
import { openLocked } from './sqlite.js'

/**
 * Takes a data directory for this process alone, by a lock that the operating system gives back however the process ends.
 * @returns what gives it back
 * @throws HubError `conflict` when another process has it
 */
export function lockDirectory(data_dir: string): () => void {
  try {
    const db = openLocked(join(data_dir, 'hub.lock'))
    return () => db.close()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
    const why = `A hub is running with the data directory ${data_dir} and must be stopped first.`
    throw new HubError('conflict', why, [], error)
  }
}
