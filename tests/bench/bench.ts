/**
 * `npm run bench`: what the hub does on this machine, beside stock Aedes storing nothing in the same run. Machines differ and are shared, so
 * the bars are ratios where they can be. `--quick` measures briefly; `rates`, `commands` or `connections` measures
 * only that. Ends with 1 when a bar is missed.
 */
import { setTimeout } from 'node:timers/promises'
import type { LoadReport } from '../../simulators/load-tally.js'
import { until } from '../helper.js'
import {
  countRows,
  gauge,
  type HubTarget,
  heldBytes,
  load,
  residentBytes,
  startHub,
  startStock,
  type Target,
} from './processes.js'
import { openRoundTrips, type Times } from './round-trips.js'

const quick = process.argv.includes('--quick')
const seconds = quick ? 3 : 10
const rounds = quick ? 2 : 4
const idle = 10_000

let missed = 0

function bar(name: string, figure: string, met: boolean): void {
  if (!met) missed++
  console.log(`${met ? 'ok    ' : 'MISSED'}  ${name.padEnd(58)} ${figure}`)
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0
const show = ({ per_second, p50_ms, p99_ms, max_ms }: LoadReport) =>
  `${per_second.toFixed(0).padStart(7)} msg/s   PUBACK p50 ${p50_ms.toFixed(1)} p99 ${p99_ms.toFixed(1)} max ${max_ms.toFixed(0)} ms`

/** Rounds of the hub and of stock Aedes by turns; the bar is on the median of the ratios. */
async function compare(
  hub: HubTarget,
  stock: Target,
  devices: number,
  in_flight: number,
  least: number,
): Promise<number> {
  console.log(`\n${devices} devices, ${in_flight} in flight each, 3 values, QoS 1, synchronous=FULL`)
  const ratios: number[] = []
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const options = { devices, in_flight, values: 3, seconds }
    const ours = await load(hub, options)
    const theirs = await load(stock, options)
    acknowledged += ours.acknowledged
    ratios.push(ours.per_second / theirs.per_second)
    console.log(`  hearth, stored           ${show(ours)}\n  stock Aedes, not stored  ${show(theirs)}`)
  }
  const ratio = median(ratios)
  const all = ratios.map(one => one.toFixed(2)).join(' ')
  bar(`stored by Hearth / passed on by stock Aedes, at least ${least}`, `${ratio.toFixed(2)}  (${all})`, ratio >= least)
  return acknowledged
}

async function rates(): Promise<void> {
  const [hub, stock] = [await startHub(1000), await startStock()]
  let rows = 0
  let acknowledged = 0
  try {
    acknowledged += await compare(hub, stock, 100, 20, 0.5)
    acknowledged += await compare(hub, stock, 1000, 1, 0.45)
    rows = await countRows(hub.data_dir)
  } finally {
    await Promise.all([hub.stop(), stock.stop()])
  }
  // What was under way when a load ended is stored, and its acknowledgement was not waited for.
  const underWay = rounds * (100 * 20 + 1000)
  const exact = rows >= acknowledged && rows <= acknowledged + underWay
  bar('every acknowledged message is a row', `${acknowledged} acknowledged, ${rows} rows`, exact)
}

async function connections(): Promise<void> {
  console.log(`\n${idle} idle connections`)
  const hub = await startHub(idle)
  try {
    const before = await heldBytes(hub)
    const holding = load(hub, { mode: 'idle', devices: idle, seconds: quick ? 10 : 20, connecting: 50 })
    // Asked seldom: the answer costs the hub more than a login does.
    await until(() => setTimeout(500).then(async () => (await gauge(hub, 'hearth_broker_devices')) === idle), 60_000)
    const peak = await residentBytes(hub)
    const held = await heldBytes(hub)
    const report = await holding
    bar('all connected, none lost', `${report.connected} of ${idle}`, report.connected === idle && report.lost === 0)
    const each = (bytes: number) => bytes / idle / 1024
    const resident = each(held.resident - before.resident)
    const rest = `${each(held.heap - before.heap).toFixed(1)} of heap, ${each(peak - before.resident).toFixed(1)} with garbage`
    bar('KB of memory held for each, below 25', `${resident.toFixed(1)}  (${rest})`, resident < 25)
    const often = await load(hub, { mode: 'connect', devices: 1000, seconds, connecting: 50 })
    const { connects_per_second, p99_ms } = often
    bar(
      'authenticated connects a second, at least 1000',
      `${connects_per_second.toFixed(0)}  (p99 ${p99_ms.toFixed(0)} ms)`,
      connects_per_second >= 1000,
    )
    console.log(`        and while ${idle} were opened: ${report.connects_per_second.toFixed(0)} a second`)
  } finally {
    await hub.stop()
  }
}

/** What a command costs beyond two messages: three commits, the API and the rows. Waits for the slowest; a first round warms everything up. */
async function commands(): Promise<void> {
  console.log('\nCommands at 200 a second: API → device → API, beside client → client → client over the same broker')
  const hub = await startHub(20)
  const differences: Times[] = []
  try {
    const trips = await openRoundTrips(hub)
    await trips.measure(15)
    for (let round = 0; round < rounds; round++) {
      const { command, bare } = await trips.measure(seconds)
      differences.push({ p50: command.p50 - bare.p50, p99: command.p99 - bare.p99 })
      const shown = ({ p50, p99 }: Times) => `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms`
      console.log(`  commands  ${shown(command)}   bare messages  ${shown(bare)}`)
    }
    await trips.close()
  } finally {
    await hub.stop()
  }
  for (const [name, most] of Object.entries({ p50: 3, p99: 15 }) as [keyof Times, number][]) {
    const all = differences.map(one => one[name])
    const figure = `${median(all).toFixed(1)}  (${all.map(one => one.toFixed(1)).join(' ')})`
    bar(`ms that a command takes longer at ${name}, at most ${most}`, figure, median(all) <= most)
  }
}

const only = process.argv.find(name => ['rates', 'commands', 'connections'].includes(name))
for (const part of [rates, commands, connections]) if (only === undefined || only === part.name) await part()
process.exitCode = missed > 0 ? 1 : 0
