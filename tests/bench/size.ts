import { stat } from 'node:fs/promises'
import { pino } from 'pino'
import type { AppendItem } from '../../src/store/append.js'
import { openStore } from '../../src/store/store.js'
import { aggregate } from '../../src/telemetry/aggregate.js'
import { listReadings } from '../../src/telemetry/readings.js'
import { databaseIn, makeDevices } from './devices.js'
import { type Figure, median, type Options } from './figures.js'
import { day, fill, messageOf, pack, sampleAt, valuesInSample } from './fill.js'
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
    const fromRows = await readingTimes(path, nums[0] ?? 0)
    const begun = performance.now()
    pack(path)
    const seconds = (performance.now() - begun) / 1000
    const packed = ((await bytesOf(path)) - empty) / values
    const fromBlocks = await readingTimes(path, nums[0] ?? 0)
    const packing = `${(values / valuesInSample / seconds / 1000).toFixed(0)} thousand samples a second packed`
    return [
      { name: 'bytes a value as written', value: written, unit: '', most: 25, note: `${values} values` },
      { name: 'bytes a value once packed', value: packed, unit: '', most: 8, note: packing },
      ...fromRows.map((time, i) => ({
        name: `${time.name}, packed / in rows`,
        value: (fromBlocks[i]?.ms ?? 0) / time.ms,
        unit: '',
        note: `${fromBlocks[i]?.ms.toFixed(2)} and ${time.ms.toFixed(2)} ms`,
      })),
      ...(await memory(path, quick ? 3 : 10)),
    ]
  } finally {
    await remove()
  }
}

/** How long it takes to read what one device said, in the store alone: medians. */
async function readingTimes(data_dir: string, device_num: number) {
  const append_module = new URL('../../src/telemetry/append.js', import.meta.url)
  const log = pino({ level: 'silent' })
  const store = await openStore({ file: databaseIn(data_dir), sync: 'full', readers: 1, append_module, log })
  const end_time = Math.floor(Date.now() / 3_600_000 - 1) * 3_600_000
  const range = { start_time: end_time - day / 6, end_time }
  const query = { ...range, fields: ['temperature'], aggregations: ['mean'] as const, timezone: 'UTC' }
  const asked = {
    'means of 10 s over four hours': () => aggregate(store.db, device_num, { ...query, window: '10s' }),
    'a page of 1000 samples': () => listReadings(store.db, device_num, { ...range, order: 'asc', limit: 1000 }),
  }
  const times = []
  for (const [name, ask] of Object.entries(asked)) {
    const ms: number[] = []
    for (let i = 0; i < 30; i++) {
      const begun = performance.now()
      await ask()
      ms.push(performance.now() - begun)
    }
    times.push({ name, ms: median(ms) })
  }
  await store.close()
  return times
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
