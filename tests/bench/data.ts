import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { AppendItem } from '../../src/store/append.js'
import { migrations } from '../../src/store/migrations.js'
import { makeDevices } from './devices.js'
import type { Options } from './figures.js'
import { day, fill, messageOf, pack, sampleAt, valuesInSample } from './fill.js'

/** Raise it when the append maintains something that data made before would lack. */
const version = 2
const devices = 1000
const year = 365 * day
const samplesInMessage = 1000

/**
 * A point is one value of a sample. A few devices have a year, a sample each `every_ms`; the rest of the points are shared out among the
 * others, a sample each 10 s up to the end. A hundred million are more devices with a year, so a query finds as much in either.
 */
const sizes = {
  '1m': { points: 1e6, years: 2, every_ms: 300_000 },
  '10m': { points: 1e7, years: 3, every_ms: 30_000 },
  '100m': { points: 1e8, years: 30, every_ms: 30_000 },
} as const
export type Size = keyof typeof sizes
const restEveryMs = 10_000

/** A hundred million are compared with ten: of fewer a year has other samples. */
export const usualSize = ({ quick, large }: Options): Size => (quick && !large ? '1m' : '10m')

const made = z.object({ ends_at: z.number(), points: z.number() })

export interface Data extends z.infer<typeof made> {
  readonly data_dir: string
  /** When the year begins, in milliseconds since 1970; it ends with `ends_at`, which is not in it. */
  readonly begins_at: number
  /** How many devices have a year of samples, the first ones. */
  readonly years: number
  readonly devices: number
}

/**
 * A data directory with so many points, made through the hub's own append where it is not there yet: in `BENCH_DATA_DIR`, or beneath the
 * system's folder for temporary files. It is kept for further runs, and made anew after a migration.
 */
export async function dataOf(size: Size): Promise<Data> {
  const data_dir = join(
    process.env.BENCH_DATA_DIR ?? join(tmpdir(), 'hearth-bench-data'),
    `${size}-v${version}-${Object.keys(migrations).at(-1)}`,
  )
  const manifest = join(data_dir, 'made.json')
  const known = await readFile(manifest, 'utf8').catch(() => null)
  const { ends_at, points } = known === null ? await make(data_dir, size) : made.parse(JSON.parse(known))
  if (known === null) await writeFile(manifest, JSON.stringify({ ends_at, points }))
  const { years } = sizes[size]
  return { data_dir, ends_at, points, begins_at: ends_at - year, years, devices }
}

/** What is there of a run that broke off is thrown away. */
async function make(data_dir: string, size: Size): Promise<z.infer<typeof made>> {
  await rm(data_dir, { recursive: true, force: true })
  await mkdir(data_dir, { recursive: true })
  console.log(`    making ${size} points in ${data_dir}`)
  const nums = await makeDevices(data_dir, devices)
  const ends_at = Math.floor(Date.now() / day) * day
  const begun = performance.now()
  let samples = 0
  const counted = function* () {
    for (const run of runsOf(size, ends_at)) {
      samples += run.count
      yield messageFrom(nums[run.device] ?? 0, run)
    }
  }
  fill(data_dir, counted(), 20)
  pack(data_dir, ends_at - day)
  const seconds = (performance.now() - begun) / 1000
  const points = samples * valuesInSample
  console.log(`    ${points} points in ${seconds.toFixed(0)} s, ${(samples / seconds).toFixed(0)} samples a second`)
  return { ends_at, points }
}

/** Samples of one device, one after the other. */
interface Run {
  readonly device: number
  readonly start: number
  readonly every_ms: number
  readonly count: number
}

function* runsOf(size: Size, ends_at: number): Generator<Run> {
  const { points, years, every_ms } = sizes[size]
  const inYear = year / every_ms
  // By turns, so that the devices grow beside each other as they would in a year.
  for (let from = 0; from < inYear; from += samplesInMessage) {
    const start = ends_at - year + from * every_ms
    const count = Math.min(samplesInMessage, inYear - from)
    for (let device = 0; device < years; device++) yield { device, start, every_ms, count }
  }
  const rest = Math.floor((points / valuesInSample - years * inYear) / (devices - years))
  for (let from = 0; from < rest; from += samplesInMessage) {
    const start = ends_at - (rest - from) * restEveryMs
    const count = Math.min(samplesInMessage, rest - from)
    for (let device = years; device < devices; device++) yield { device, start, every_ms: restEveryMs, count }
  }
}

function messageFrom(device_num: number, { device, start, every_ms, count }: Run): AppendItem {
  const samples = Array.from({ length: count }, (_, index) => sampleAt(device, start + index * every_ms))
  return messageOf(device_num, start + count * every_ms, `[${samples.join(',')}]`)
}
