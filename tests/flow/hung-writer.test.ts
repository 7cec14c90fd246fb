import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openForReading } from '../../src/store/sqlite.js'
import { startHub, until } from '../helper.js'
import { audit, exact } from './ledger.js'
import { LedgerDevice } from './ledger-device.js'

/** SQL that keeps a thread busy for about so many seconds on this machine. */
function busyFor(seconds: number, file: string): string {
  const count = (n: number) =>
    `(with recursive c (x) as (select 1 union all select x + 1 from c where x < ${n}) select count(*) from c)`
  const db = openForReading(file)
  const begun = performance.now()
  db.prepare(`select ${count(1_000_000)}`).get()
  const ms = performance.now() - begun
  db.close()
  return count(Math.round((1_000_000 * seconds * 1000) / ms))
}

test('a writer that hangs: every caller is told within 5 s, nothing is acknowledged, and it all goes on with a new one', async () => {
  const hub = await startHub()
  const devices: LedgerDevice[] = []
  for (let i = 0; i < 10; i++) {
    const id = `d${i}`
    devices.push(new LedgerDevice({ id, api_key: await hub.device(id), port: () => hub.hub.ports.mqtt, timed: i > 2 }))
  }
  try {
    await until(() => devices.every(({ acknowledged }) => acknowledged.size > 20))
    const busy = busyFor(9, join(hub.data_dir, 'hearth.db'))
    const begun = performance.now()
    const hung = sql`replace into probe (id, written_at) values (1, ${sql.raw(busy)})`.execute(hub.hub.store.db)
    await expect(hung).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(performance.now() - begun).toBeLessThan(5500)
    await until(() => devices.every(({ lost }) => lost > 0))
    const counts = devices.map(({ acknowledged }) => acknowledged.size)
    expect(hub.logged.some(line => line.includes('a thread was lost'))).toBe(true)
    await until(() => devices.every(({ acknowledged }, i) => acknowledged.size > (counts[i] ?? 0) + 20), 40_000)
    for (const device of devices) device.finish()
    await until(() => devices.every(({ waiting }) => waiting === 0))
  } finally {
    for (const device of devices) device.close()
  }
  await hub.hub.close()
  const found = await audit(hub.data_dir, devices)
  await hub.close()
  expect(found).toMatchObject(exact)
  expect(found.stored).toBe(found.acknowledged)
}, 90_000)
