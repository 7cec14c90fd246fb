import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
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
    const ballast = join(disk, 'ballast')
    const { bavail, bsize } = await statfs(disk)
    await writeFile(ballast, Buffer.alloc(bavail * bsize, 1)).catch(error => {
      if (error.code !== 'ENOSPC') throw error
    })
    await expectOutage(hub, devices, /disk is full/)
    await rm(ballast)
    await expectRecovery(hub, devices)
  },
  90_000,
)

test.runIf(mounted)(
  `a disk that becomes read-only${where}: no PUBACK, not ready and why, and ready again within 10 s of its return`,
  async () => {
    const { hub, devices } = await startLoad(join(disk, 'read-only'))
    // The mount may not become read-only beneath files that are open for writing: the directory's own limit is reached instead.
    expect(mount('-o', 'remount,size=1k', disk)).toBe(false)
    await expectOutage(hub, devices, /disk is full|readonly/)
    await expectRecovery(hub, devices)
  },
  90_000,
)

function mount(...args: string[]): boolean {
  try {
    execFileSync('mount', args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
