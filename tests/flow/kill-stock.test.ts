import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openForReading } from '../../src/store/sqlite.js'
import { until } from '../helper.js'
import { LedgerDevice } from './ledger-device.js'

const mostKills = 10

test('stock Aedes that stores from its publish event loses what it has acknowledged: the ledger can tell', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-stock-'))
  const file = join(folder, 'stock.db')
  let port = 0
  const start = async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'stock-store.js'), file, String(port)])
    const [text] = await once(child.stdout, 'data')
    port = Number(text)
    return child
  }
  let child = await start()
  const devices = Array.from({ length: 50 }, (_, i) => {
    return new LedgerDevice({ id: `d${i}`, api_key: '', port: () => port, timed: true })
  })
  onTestFinished(async () => {
    for (const device of devices) device.close()
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  let missing: string[] = []
  for (let i = 0; i < mostKills && missing.length === 0; i++) {
    await until(() => devices.every(device => device.connected && device.acknowledged.size > 10 * (i + 1)))
    await sleep(50)
    child.kill('SIGKILL')
    await once(child, 'close')
    // What is acknowledged by now may only be looked for now: nothing that is missing will ever be sent again.
    missing = devices.flatMap(device => absent(file, device))
    child = await start()
  }
  expect(missing.length).toBeGreaterThan(0)
}, 60_000)

function absent(file: string, { id, acknowledged }: LedgerDevice): string[] {
  const db = openForReading(file)
  const stored = new Set(db.prepare('select n from readings where device = ?').pluck().all(id))
  db.close()
  return [...acknowledged].filter(n => !stored.has(n)).map(n => `${id}/${n}`)
}
