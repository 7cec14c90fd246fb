import { setTimeout } from 'node:timers/promises'
import { until } from '../helper.js'
import type { Figure, Options } from './figures.js'
import { gauge, heldBytes, load, residentBytes, startHub } from './processes.js'

const idle = 10_000

/** What an idle connection holds, and how many a second can be made. */
export async function connections({ quick }: Options): Promise<Figure[]> {
  const hub = await startHub(idle)
  try {
    const before = await heldBytes(hub)
    const holding = load(hub, { mode: 'idle', devices: idle, seconds: quick ? 10 : 20, connecting: 50 })
    // Asked seldom: the answer costs the hub more than a login does.
    await until(() => setTimeout(500).then(async () => (await gauge(hub, 'hearth_broker_devices')) === idle), 60_000)
    const peak = await residentBytes(hub)
    const held = await heldBytes(hub)
    const report = await holding
    const often = await load(hub, { mode: 'connect', devices: 1000, seconds: quick ? 3 : 10, connecting: 50 })
    const each = (bytes: number) => bytes / idle / 1024
    const heap = each(held.heap - before.heap).toFixed(1)
    const garbage = each(peak - before.resident).toFixed(1)
    return [
      { name: 'connected and never lost, of 10,000', value: report.connected - report.lost, unit: '', least: idle },
      {
        name: 'memory held for each',
        value: each(held.resident - before.resident),
        unit: 'KB',
        most: 25,
        note: `${heap} KB of heap; ${garbage} KB with garbage`,
      },
      {
        name: 'authenticated connects a second',
        value: often.connects_per_second,
        unit: '',
        least: 1000,
        note: `CONNACK p99 ${often.p99_ms.toFixed(0)} ms; while 10,000 were opened ${report.connects_per_second.toFixed(0)} a second`,
      },
    ]
  } finally {
    await hub.stop()
  }
}
