import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { HearthClient } from '../../src/client/client.js'
import { until } from '../helper.js'
import { type ChildHub, clientOf, makeDevices, portsOf, startChild } from './child.js'
import { audit, exact } from './ledger.js'
import { LedgerDevice } from './ledger-device.js'

/** A file system of its own, small enough to fill: only root may mount one. */
const disk = mkdtempSync(join(tmpdir(), 'hearth-disk-'))
const mounted = mount('-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk)
const where = mounted ? '' : ' (NOT RUN: mounting a file system needs root)'

afterAll(() => {
  if (mounted) execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true, force: true })
})

test.runIf(mounted)(
  `a full disk${where}: no PUBACK, queries answered, not ready and why, and ready again within 10 s of room`,
  async () => {
    const { hub, devices } = await startLoad(join(disk, 'full'))
    const { client } = await clientOf(hub)
    const ballast = join(disk, 'ballast')
    const { bavail, bsize } = await statfs(disk)
    await writeFile(ballast, Buffer.alloc(bavail * bsize, 1)).catch(error => {
      if (error.code !== 'ENOSPC') throw error
    })
    await expectOutage(hub, devices, /disk is full/, client)
    await rm(ballast)
    await expectRecovery(hub, devices)
  },
  90_000,
)

test.runIf(mounted)(
  `a disk that is read-only${where}: the hub does not start, says why, and loses nothing`,
  async () => {
    const data_dir = join(disk, 'read-only')
    const { hub, devices } = await startLoad(data_dir)
    for (const device of devices) device.finish()
    await hub.end('SIGKILL')
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await expect(startChild(data_dir, portsOf(hub))).rejects.toThrow(/ended with 1.*(read-?only|EROFS)/is)
    execFileSync('mount', ['-o', 'remount,rw', disk])
    const again = await startChild(data_dir, portsOf(hub))
    onTestFinished(async () => void (await again.end('SIGKILL')))
    await expectLedger(again, devices)
  },
  60_000,
)

/** A hub on this disk, and devices that publish without end. */
async function startLoad(data_dir: string): Promise<{ hub: ChildHub; devices: LedgerDevice[] }> {
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
  await until(() => devices.every(device => device.acknowledged.size > 10))
  return { hub, devices }
}

const sum = (devices: readonly LedgerDevice[]) => devices.reduce((all, { acknowledged }) => all + acknowledged.size, 0)
const ready = ({ file }: ChildHub) => fetch(`http://127.0.0.1:${file.http_port}/ready`)

/** Not ready, and why; every device is closed and none gets an acknowledgement; people can still read. */
async function expectOutage(hub: ChildHub, devices: LedgerDevice[], why: RegExp, client: HearthClient): Promise<void> {
  const refused = await until(async () => {
    const response = await ready(hub)
    return response.status === 503 ? response : null
  })
  expect(await refused.json()).toMatchObject({ error: 'storage_unavailable', message: expect.stringMatching(why) })
  // A small commit may still find room where a larger one did not; a round comes in which none does.
  await until(async () => {
    const [acknowledged, lost] = [sum(devices), devices.map(device => device.lost)]
    await until(() => devices.every((device, i) => device.lost > (lost[i] ?? 0)), 20_000)
    return sum(devices) === acknowledged
  }, 20_000)
  const { devices: shown } = await client.get<{ devices: object[] }>('/devices?limit=100')
  expect(shown).toHaveLength(devices.length)
  const latest = await client.get<{ latest: { n: { value: number } } }>('/telemetry/d0/latest')
  expect(latest.latest.n.value).toBeGreaterThan(0)
}

async function expectRecovery(hub: ChildHub, devices: LedgerDevice[]): Promise<void> {
  await until(async () => (await ready(hub)).status === 200, 10_000)
  const acknowledged = sum(devices)
  await until(() => sum(devices) > acknowledged + 100)
  await expectLedger(hub, devices)
}

/** Everything is sent, the hub stopped, and what it holds is what was acknowledged. */
async function expectLedger(hub: ChildHub, devices: LedgerDevice[]): Promise<void> {
  for (const device of devices) device.finish()
  await until(() => devices.every(device => device.waiting === 0))
  for (const device of devices) device.close()
  expect(await hub.end('SIGTERM')).toBe(0)
  expect(await audit(hub.data_dir, devices)).toMatchObject(exact)
}

function mount(...args: string[]): boolean {
  try {
    execFileSync('mount', args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
