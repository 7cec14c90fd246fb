import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { createDevice } from '../../src/devices/devices.js'
import { createKey } from '../../src/devices/keys.js'
import { defaultHomeId, ensureDefaultHome, updateHome } from '../../src/homes/homes.js'
import type { Sync } from '../../src/store/sqlite.js'
import { openStore, type Store } from '../../src/store/store.js'

export const databaseIn = (data_dir: string) => join(data_dir, 'hearth.db')
export const credentialsIn = (data_dir: string) => join(data_dir, 'credentials.json')
export const deviceId = (index: number) => `load-${index}`

/** The database of a data directory where no hub is. */
export function openData(data_dir: string, sync: Sync = 'normal'): Promise<Store> {
  return openStore({
    file: databaseIn(data_dir),
    sync,
    readers: 1,
    append_module: new URL('../../src/telemetry/append.js', import.meta.url),
    log: pino({ level: 'silent' }),
  })
}

/** Of their home, wherever the machine is. */
export const timezone = 'Europe/Paris'

/** Makes devices in a data directory, and a file of their keys for the load. @returns their numbers */
export async function makeDevices(data_dir: string, count: number): Promise<number[]> {
  const store = await openData(data_dir)
  await ensureDefaultHome(store.db)
  await updateHome(store.db, defaultHomeId, { timezone })
  const make = async (id: string) => {
    await createDevice(store.db, { id, name: id, type: 'load', home_id: defaultHomeId })
    return { id, api_key: (await createKey(store.db, id)).api_key }
  }
  const credentials = await Promise.all(Array.from({ length: count }, (_, index) => make(deviceId(index))))
  await writeFile(credentialsIn(data_dir), JSON.stringify(credentials))
  const rows = await store.db.selectFrom('devices').select(['id', 'num']).execute()
  await store.close()
  const nums = new Map(rows.map(({ id, num }) => [id, num]))
  return credentials.map(({ id }) => nums.get(id) ?? 0)
}

/** Rows of telemetry in a hub's database. */
export async function countRows(data_dir: string): Promise<number> {
  const store = await openData(data_dir)
  const { rows } = await store.db
    .selectFrom('telemetry')
    .select(eb => eb.fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow()
  await store.close()
  return rows
}
