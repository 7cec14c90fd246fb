import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { type Config, databaseFile } from '../config/config.js'
import { lockDirectory } from './store/lock.js'
import { openStore, type Store } from './store/store.js'

/** What a hub keeps: its data directory, taken for it alone, with the store in it. */
export interface Data {
  readonly store: Store
  /** Closes the store, then lets go of the directory. */
  close(): Promise<void>
}

/** @throws HubError `conflict` when another hub has the directory; `storage_unavailable` when the store cannot be opened */
export async function openData(config: Config, log: Logger): Promise<Data> {
  await mkdir(config.data_dir, { recursive: true, mode: 0o700 })
  const unlock = lockDirectory(config.data_dir)
  try {
    const store = await openStore({
      file: databaseFile(config),
      sync: config.sync,
      readers: config.readers,
      append_module: new URL('./telemetry/append.js', import.meta.url),
      log,
    })
    return { store, close: () => store.close().finally(unlock) }
  } catch (error) {
    unlock()
    throw error
  }
}
