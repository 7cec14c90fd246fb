import { constants } from 'node:fs'
import { cp } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { LoadReport } from '../../simulators/load-tally.js'
import { type Asker, openAsker } from './asker.js'
import { type Data, dataOf, usualSize } from './data.js'
import { type Figure, median, type Options, percentile, rounds } from './figures.js'
import { valuesInSample } from './fill.js'
import { gauge, type HubTarget, load, startHubOn, temporaryDirectory } from './processes.js'
import { aggregated, lastHour, mustAsk, thirtyDays, wholeYear } from './queries.js'

const rate = 2000
/** Beginning with the last time it was read. 10 ms of it are how often it is sampled. */
const delay = 'nodejs_eventloop_lag_p99_seconds'
const viewers = 5
/** How often each viewer's dashboard asks anew. */
const refreshMs = 1000

/** What those who ask have seen in one phase. */
interface Seen {
  /** How long the dashboards waited for each answer, in milliseconds. */
  readonly waits: number[]
  /** What the very large query has looked through, and how long that took. */
  points: number
  seconds: number
}

interface Phase extends Seen {
  readonly report: LoadReport
  /** Of the hub's event loop, the 99th percentile in milliseconds. */
  readonly delayMs: number
}

/** Goes on asking until `over`. */
type Activity = (seen: Seen, over: AbortSignal) => Promise<void>

/** Messages at a rate and dashboards, with and without a query that looks through every sample of every year. */
export async function mixed(options: Options): Promise<Figure[]> {
  const data = await dataOf(options.large ? '100m' : usualSize(options))
  // A copy, for what is stored here is not to be found by the next run.
  const { path, remove } = await temporaryDirectory()
  await cp(data.data_dir, path, { recursive: true, mode: constants.COPYFILE_FICLONE })
  const hub = await startHubOn(path)
  try {
    return await measureOn(hub, data, options)
  } finally {
    await hub.stop()
    await remove()
  }
}

async function measureOn(hub: HubTarget, data: Data, { quick }: Options): Promise<Figure[]> {
  const asker = await openAsker(hub)
  const seconds = quick ? 5 : 15
  const viewing = Array.from({ length: viewers }, (_, viewer) => dashboard(asker, data, viewer))
  const asking = [...viewing, veryLarge(asker, data)]
  const alone = await phase('load alone', hub, seconds, [])
  const [without, within]: [Phase[], Phase[]] = [[], []]
  for (let turn = 0; turn < (quick ? 1 : 3); turn++) {
    without.push(await phase('with dashboards', hub, seconds, viewing))
    within.push(await phase('with a very large query too', hub, seconds, asking))
  }
  asker.close()
  return figuresOf(alone, without, within)
}

async function phase(name: string, hub: HubTarget, seconds: number, activities: readonly Activity[]): Promise<Phase> {
  const seen: Seen = { waits: [], points: 0, seconds: 0 }
  const over = new AbortController()
  const asking = Promise.all(activities.map(activity => activity(seen, over.signal)))
  // To read the delay is to begin it anew.
  await gauge(hub, delay)
  const options = { devices: 100, in_flight: 10, values: valuesInSample, per_second: rate, seconds }
  // What fails in between must end the run, and not wait for the load.
  const [report] = await Promise.all([load(hub, options).finally(() => over.abort()), asking])
  const delayMs = (await gauge(hub, delay)) * 1000
  const { per_second, p50_ms, p99_ms } = report
  console.log(
    `    ${name.padEnd(28)} ${per_second} msg/s   PUBACK p50 ${p50_ms.toFixed(1)} p99 ${p99_ms.toFixed(1)} ms` +
      `   event loop p99 ${delayMs.toFixed(1)} ms   dashboards p50 ${median(seen.waits).toFixed(0)} ms`,
  )
  return { ...seen, report, delayMs }
}

/** One viewer: what a page shows is asked for at once, and anew each second or when it is there, whichever is later. */
function dashboard(asker: Asker, data: Data, viewer: number): Activity {
  return async ({ waits }, over) => {
    for (let turn = viewer; !over.aborted; turn += viewers) {
      const next = setTimeout(refreshMs, undefined, { signal: over }).catch(unlessOver(over))
      const ask = async (path: string) => {
        const begun = performance.now()
        await mustAsk(asker, path)
        waits.push(performance.now() - begun)
      }
      await Promise.all([thirtyDays, wholeYear, lastHour].map(query => ask(query(data, turn))))
      await next
    }
  }
}

const unlessOver = (over: AbortSignal) => (error: unknown) => {
  if (!over.aborted) throw error
}

/** Means of every field over the year of every device that has one, in windows that no minute and no hour fits into: 30 years are 100 million points. */
function veryLarge(asker: Asker, { begins_at, ends_at, years }: Data): Activity {
  return async (seen, over) => {
    const begun = performance.now()
    for (let device = 0; !over.aborted; device = (device + 1) % years) {
      const range = { start_time: `${begins_at}`, end_time: `${ends_at}` }
      const fields = { field: 'temperature,humidity,battery', aggregation: 'mean', window: '5477s' }
      const { series } = JSON.parse(await mustAsk(asker, aggregated(device, { ...fields, ...range }))) as Answer
      seen.points += series.flatMap(({ points }) => points).reduce((sum, { count }) => sum + count, 0)
      seen.seconds = (performance.now() - begun) / 1000
    }
  }
}

interface Answer {
  readonly series: readonly { readonly points: readonly { readonly count: number }[] }[]
}

function figuresOf(alone: Phase, without: readonly Phase[], within: readonly Phase[]): Figure[] {
  const p99 = (phases: readonly Phase[]) => phases.map(({ report }) => report.p99_ms)
  const p50 = (phases: readonly Phase[]) => phases.map(({ report }) => report.p50_ms)
  const ratios = p99(within).map((ms, turn) => ms / (p99(without)[turn] ?? 0))
  const delays = within.map(({ delayMs }) => delayMs)
  const all = [alone, ...without, ...within]
  const waits = (phases: readonly Phase[]) =>
    percentile(
      phases.flatMap(phase => phase.waits),
      0.99,
    )
  const sum = (of: (phase: Phase) => number) => within.reduce((total, phase) => total + of(phase), 0)
  return [
    {
      name: 'PUBACK p99 with a very large query / without',
      value: median(ratios),
      unit: '',
      most: 2,
      note: rounds(ratios),
    },
    {
      name: 'event-loop delay p99 with a very large query',
      value: median(delays),
      unit: 'ms',
      most: 20,
      note: rounds(delays),
    },
    { name: 'event-loop delay p99, load alone', value: alone.delayMs, unit: 'ms' },
    { name: 'PUBACK p50, load alone', value: alone.report.p50_ms, unit: 'ms' },
    { name: 'PUBACK p99, load alone', value: alone.report.p99_ms, unit: 'ms' },
    { name: 'PUBACK p50 with dashboards', value: median(p50(without)), unit: 'ms' },
    { name: 'PUBACK p99 with dashboards', value: median(p99(without)), unit: 'ms' },
    { name: 'PUBACK p50 with a very large query', value: median(p50(within)), unit: 'ms' },
    { name: 'PUBACK p99 with a very large query', value: median(p99(within)), unit: 'ms' },
    { name: 'a dashboard waits, p99', value: waits(without), unit: 'ms' },
    { name: 'a dashboard waits with a very large query, p99', value: waits(within), unit: 'ms' },
    {
      name: 'the very large query',
      value: sum(({ points }) => points) / sum(({ seconds }) => seconds),
      unit: 'points/s',
    },
    {
      name: `messages a second of ${rate}, at the least`,
      value: Math.min(...all.map(({ report }) => report.per_second)),
      unit: '',
      least: rate * 0.95,
    },
  ]
}
