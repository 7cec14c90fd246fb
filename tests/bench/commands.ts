import { type Figure, median, type Options, rounds } from './figures.js'
import { startHub } from './processes.js'
import { openRoundTrips, type Times } from './round-trips.js'

const shown = ({ p50, p99 }: Times) => `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms`

/**
 * At 200 a second: what a command (API → device → API) costs beyond two messages (client → client → client): three commits, the API and the
 * rows. Waits for the slowest; a first round warms everything up.
 */
export async function commands({ quick }: Options): Promise<Figure[]> {
  const hub = await startHub(20)
  const differences: Times[] = []
  try {
    const trips = await openRoundTrips(hub)
    await trips.measure(15)
    for (let turn = 0; turn < (quick ? 2 : 4); turn++) {
      const { command, bare } = await trips.measure(quick ? 3 : 10)
      differences.push({ p50: command.p50 - bare.p50, p99: command.p99 - bare.p99 })
      console.log(`    commands  ${shown(command)}   bare messages  ${shown(bare)}`)
    }
    await trips.close()
  } finally {
    await hub.stop()
  }
  return Object.entries({ p50: 3, p99: 15 } as const).map(([share, most]) => {
    const all = differences.map(one => one[share as keyof Times])
    return { name: `a command takes longer, ${share}`, value: median(all), unit: 'ms', most, note: rounds(all) }
  })
}
