import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openForWriting } from '../../src/store/sqlite.js'
import { until } from '../helper.js'
import { clientOf, makeDevices, startChild } from './child.js'
import { audit, exact } from './ledger.js'
import { LedgerDevice } from './ledger-device.js'

const limitMs = 5000

test('a database that another process has locked: no PUBACK, every caller told within 5 s, queries answered, and back when it is free', async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-locked-'))
  const hub = await startChild(data_dir)
  const port = hub.file.mqtt_port
  const devices = [...(await makeDevices(hub, 20))].map(([id, api_key]) => {
    return new LedgerDevice({ id, api_key, port: () => port, timed: true })
  })
  onTestFinished(async () => {
    for (const device of devices) device.close()
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  const { client } = await clientOf(hub)
  await until(() => devices.every(device => device.acknowledged.size > 10))

  const other = openForWriting(join(data_dir, 'hearth.db'), 'full')
  other.exec('begin immediate')
  // What was committed before the lock may still be on its way: from the first answer on, nothing is.
  const url = `http://127.0.0.1:${hub.file.http_port}`
  const begun = performance.now()
  const refused = await fetch(`${url}/ready`)
  expect(performance.now() - begun).toBeLessThan(limitMs)
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ error: 'storage_unavailable' })
  const acknowledged = sum(devices)
  const lost = devices.map(device => device.lost)
  await until(() => devices.every((device, i) => device.lost > (lost[i] ?? 0) || !device.connected), 15_000)

  // A statement waits 2 s for the lock: an event loop that waited with it would answer as late.
  const answers = await times(50, () => client.get('/devices?limit=100'))
  expect(answers.at(-2)).toBeLessThan(1000)
  expect(sum(devices)).toBe(acknowledged)

  other.exec('rollback')
  other.close()
  await until(async () => (await fetch(`${url}/ready`)).status === 200)
  await until(() => devices.every(device => device.connected) && sum(devices) > acknowledged + 1000)
  for (const device of devices) device.finish()
  await until(() => devices.every(device => device.waiting === 0))
  for (const device of devices) device.close()
  expect(await hub.end('SIGTERM')).toBe(0)
  expect(await audit(data_dir, devices)).toMatchObject(exact)
}, 90_000)

const sum = (devices: readonly LedgerDevice[]) => devices.reduce((all, { acknowledged }) => all + acknowledged.size, 0)

/** How long something took so many times, in milliseconds, the longest last. */
async function times(count: number, act: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    await act()
    taken.push(performance.now() - begun)
  }
  return taken.sort((a, b) => a - b)
}
