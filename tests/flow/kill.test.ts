import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { until } from '../helper.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'
import { audit, exact } from './ledger.js'
import { LedgerDevice } from './ledger-device.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const count = 50

test(`kill -9 at random, ${kills} times, while ${count} devices publish: what was acknowledged is there, once`, async () => {
  const seed = Date.now() % 1_000_000
  console.log(`kills from seed ${seed}`)
  const random = createRandom(seed)
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-kill-'))
  let hub = await startChild(data_dir)
  const ports = portsOf(hub)
  const keys = await makeDevices(hub, count)
  // Every fifth has no clock: the hub then tells a repetition by its DUP flag, packet identifier and content.
  const devices = [...keys].map(([id, api_key], i) => {
    return new LedgerDevice({ id, api_key, port: () => Number(ports.HEARTH_MQTT_PORT), timed: i % 5 !== 0 })
  })
  onTestFinished(async () => {
    for (const device of devices) device.close()
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })

  for (let i = 0; i < kills; i++) {
    await until(() => devices.every(device => device.connected))
    await sleep(random.between(0, 500))
    await hub.end('SIGKILL')
    hub = await startChild(data_dir, ports)
    expect(hub.ready_ms).toBeLessThan(5000)
  }

  for (const device of devices) device.finish()
  await until(() => devices.every(device => device.waiting === 0))
  const { client } = await clientOf(hub)
  const shown = await client.get<{ devices: { connected: boolean }[] }>('/devices?limit=100')
  expect(shown.devices.map(({ connected }) => connected)).toEqual(devices.map(() => true))
  for (const device of devices) device.close()
  expect(await hub.end('SIGTERM')).toBe(0)

  const found = await audit(data_dir, devices)
  console.log(
    `${found.acknowledged} acknowledged, ${found.stored} stored, connections lost ${devices.map(d => d.lost).join(' ')}`,
  )
  expect(found).toMatchObject(exact)
  expect(found.stored).toBe(found.acknowledged)
  expect(found.acknowledged).toBeGreaterThan(count * kills)
}, 240_000)
