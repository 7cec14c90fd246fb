import { join } from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import { openStore } from '../../src/store/store.js'
import type { LedgerDevice } from './ledger-device.js'

/** What a ledger and the database of a hub that has ended say of each other. */
export interface Audit {
  readonly acknowledged: number
  readonly stored: number
  /** Readings that were acknowledged and are not there, e.g. `d3/17`. */
  readonly missing: string[]
  /** Readings that are there twice. */
  readonly doubled: string[]
  /** Readings that nobody has sent. */
  readonly foreign: string[]
  readonly integrity: unknown
}

export async function audit(data_dir: string, devices: readonly LedgerDevice[]): Promise<Audit> {
  const append_module = new URL('../../src/telemetry/append.js', import.meta.url)
  const log = pino({ level: 'silent' })
  const store = await openStore({ file: join(data_dir, 'hearth.db'), sync: 'full', readers: 1, append_module, log })
  try {
    const missing: string[] = []
    const doubled: string[] = []
    const foreign: string[] = []
    let stored = 0
    for (const device of devices) {
      const { rows } = await sql<{ n: number; times: number }>`select telemetry.data ->> 'n' as n, count(*) as times
        from telemetry join devices on devices.num = telemetry.device_num where devices.id = ${device.id}
        group by 1`.execute(store.db)
      const times = new Map(rows.map(row => [row.n, row.times]))
      stored += rows.length
      for (const n of device.acknowledged) if (!times.has(n)) missing.push(`${device.id}/${n}`)
      for (const [n, count] of times) {
        if (count > 1) doubled.push(`${device.id}/${n}`)
        if (n >= device.sent) foreign.push(`${device.id}/${n}`)
      }
    }
    const { rows: integrity } = await sql`select * from pragma_integrity_check`.execute(store.db)
    const acknowledged = devices.reduce((sum, device) => sum + device.acknowledged.size, 0)
    return { acknowledged, stored, missing, doubled, foreign, integrity }
  } finally {
    await store.close()
  }
}

/** What an audit must say. */
export const exact = { missing: [], doubled: [], foreign: [], integrity: [{ integrity_check: 'ok' }] }
