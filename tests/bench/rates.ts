import type { LoadReport } from '../../simulators/load-tally.js'
import { countRows } from './devices.js'
import { type Figure, median, type Options, rounds } from './figures.js'
import { type HubTarget, load, startHub, startStock, type Target } from './processes.js'

const show = ({ per_second, p50_ms, p99_ms, max_ms }: LoadReport) =>
  `${per_second.toFixed(0).padStart(7)} msg/s   PUBACK p50 ${p50_ms.toFixed(1)} p99 ${p99_ms.toFixed(1)} max ${max_ms.toFixed(0)} ms`

/** Messages a second, stored with `synchronous=FULL` before their PUBACK, beside stock Aedes that stores nothing. */
export async function rates({ quick }: Options): Promise<Figure[]> {
  const turns = quick ? 2 : 8
  const [hub, stock] = [await startHub(1000), await startStock()]
  try {
    const many = await compare(hub, stock, { devices: 100, in_flight: 20 }, turns, quick)
    const single = await compare(hub, stock, { devices: 1000, in_flight: 1 }, turns, quick)
    const acknowledged = many.acknowledged + single.acknowledged
    // What was under way when a load ended is stored, and its acknowledgement was not waited for.
    const underWay = turns * (100 * 20 + 1000)
    const rows = await countRows(hub.data_dir)
    const note = `${acknowledged} acknowledged, ${rows} rows`
    return [
      ...many.figures,
      ...single.figures,
      { name: 'acknowledged messages without a row', value: Math.max(0, acknowledged - rows), unit: '', most: 0, note },
      { name: 'rows that nobody sent', value: Math.max(0, rows - acknowledged - underWay), unit: '', most: 0 },
    ]
  } finally {
    await Promise.all([hub.stop(), stock.stop()])
  }
}

/** The hub and stock Aedes by turns; the bar is on the median of the ratios. */
async function compare(
  hub: HubTarget,
  stock: Target,
  { devices, in_flight }: { devices: number; in_flight: number },
  turns: number,
  quick: boolean,
) {
  const name = `${devices} devices × ${in_flight} in flight`
  console.log(`  ${name}, 3 values, QoS 1, synchronous=FULL`)
  const [ours, theirs]: [LoadReport[], LoadReport[]] = [[], []]
  for (let turn = 0; turn < turns; turn++) {
    const options = { devices, in_flight, values: 3, seconds: quick ? 3 : 5 }
    const [stored, passed] = [await load(hub, options), await load(stock, options)]
    ours.push(stored)
    theirs.push(passed)
    console.log(`    hearth, stored           ${show(stored)}\n    stock Aedes, not stored  ${show(passed)}`)
  }
  const ratios = ours.map(({ per_second }, turn) => per_second / (theirs[turn]?.per_second ?? 0))
  const rate = median(ours.map(({ per_second }) => per_second))
  const p99 = median(ours.map(({ p99_ms }) => p99_ms))
  const figures: Figure[] = [
    {
      name: `${name}: stored / passed on by stock Aedes`,
      value: median(ratios),
      unit: '',
      least: 0.65,
      note: rounds(ratios),
    },
    { name: `${name}: stored`, value: rate, unit: 'msg/s' },
    { name: `${name}: PUBACK p99`, value: p99, unit: 'ms' },
  ]
  return { figures, acknowledged: ours.reduce((sum, { acknowledged }) => sum + acknowledged, 0) }
}
