import { stat } from 'node:fs/promises'
import type { AppendItem } from '../../src/store/append.js'
import { databaseIn, makeDevices } from './devices.js'
import type { Figure, Options } from './figures.js'
import { day, fill, messageOf, sampleAt, valuesInSample } from './fill.js'
import { heldBytes, load, residentBytes, startHubOn, temporaryDirectory } from './processes.js'

const devices = 100
const everyMs = 10_000
const mega = 1 << 20

/** What a value takes on the disk, everything that belongs to it included, and the memory of a hub on that data. */
export async function size({ quick }: Options): Promise<Figure[]> {
  const { path, remove } = await temporaryDirectory()
  try {
    const nums = await makeDevices(path, devices)
    fill(path, [], 1)
    const empty = await bytesOf(path)
    const values = fill(path, messages(nums, quick ? day / 4 : 2 * day), 1000) * valuesInSample
    const written = ((await bytesOf(path)) - empty) / values
    return [
      { name: 'bytes a value as written', value: written, unit: '', most: 25, note: `${values} values` },
      { name: 'bytes a value once packed', value: null, unit: '', most: 8, note: 'nothing is packed yet' },
      ...(await memory(path, quick ? 3 : 10)),
    ]
  } finally {
    await remove()
  }
}

const bytesOf = async (data_dir: string) => (await stat(databaseIn(data_dir))).size

/** As devices send them: each 10 s, all within them by turns, three values and the device's own time. */
function* messages(nums: readonly number[], lasting: number): Generator<AppendItem> {
  const ends_at = Date.now()
  for (let sent = ends_at - lasting; sent < ends_at; sent += everyMs) {
    for (const [device, num] of nums.entries()) {
      const ts = Math.floor(sent + (device * everyMs) / devices)
      yield messageOf(num, ts + 30, sampleAt(device, ts))
    }
  }
}

async function memory(data_dir: string, seconds: number): Promise<Figure[]> {
  const hub = await startHubOn(data_dir)
  try {
    const idle = await heldBytes(hub)
    await load(hub, { devices, in_flight: 20, values: valuesInSample, seconds })
    const peak = await residentBytes(hub)
    const after = await heldBytes(hub)
    const figure = (name: string, bytes: number) => ({ name, value: bytes / mega, unit: 'MB' })
    return [
      figure('memory of a hub that has just started', idle.resident),
      figure('memory at the end of a load', peak),
      figure('memory held after it', after.resident),
      figure('heap held after it', after.heap),
    ]
  } finally {
    await hub.stop()
  }
}
