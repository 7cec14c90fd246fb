import { defaultHomeId } from '../../src/homes/homes.js'
import { type Asker, openAsker } from './asker.js'
import { type Data, dataOf, type Size, usualSize } from './data.js'
import { deviceId, timezone } from './devices.js'
import { type Figure, median, type Options, percentile } from './figures.js'
import { day } from './fill.js'
import { startHubOn } from './processes.js'

interface Query {
  readonly name: string
  /** Milliseconds, of the median. */
  readonly most: number
  /** How many times the answer holds, at the least: what is quick because it is wrong is not measured. */
  readonly holds: number
  ask(asker: Asker, data: Data, turn: number): Promise<string>
}

/** A query that takes seconds is asked fewer times. */
const longestMs = 30_000
const leastRuns = 5

export const aggregated = (device: number, more: Record<string, string>) =>
  `/api/v1/telemetry/${deviceId(device)}/aggregated?${new URLSearchParams(more)}`

/** What dashboards ask for. */
export const thirtyDays = ({ ends_at, years }: Data, turn: number) =>
  aggregated(turn % years, {
    field: 'temperature',
    aggregation: 'mean',
    window: '1h',
    start_time: `${ends_at - 30 * day}`,
    end_time: `${ends_at}`,
  })
export const wholeYear = (data: Data, turn: number) => yearIn(timezone, data, turn)
/** Whose days are not those that are rolled up. */
const yearElsewhere = (data: Data, turn: number) => yearIn('America/New_York', data, turn)
const yearIn = (timezone: string, { begins_at, ends_at, years }: Data, turn: number) =>
  aggregated(turn % years, {
    field: 'temperature',
    aggregation: 'min,max',
    window: '1d',
    start_time: `${begins_at}`,
    end_time: `${ends_at}`,
    timezone,
  })
export const lastHour = ({ ends_at, years }: Data, turn: number) =>
  `/api/v1/telemetry/${deviceId(turn % years)}?start_time=${ends_at - day / 24}&end_time=${ends_at}&limit=1000`
const latest = () => `/api/v1/homes/${defaultHomeId}/telemetry/latest?limit=1000`

/** @throws Error when the answer is not 200 */
export async function mustAsk(asker: Asker, path: string): Promise<string> {
  const { status, text } = await asker.ask(path)
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${text.slice(0, 500)}`)
  return text
}

const dashboard: readonly Query[] = [
  { name: 'hourly means of 30 days', most: 10, holds: 720, ask: askFor(thirtyDays) },
  { name: 'daily min and max of a year', most: 10, holds: 2 * 365, ask: askFor(wholeYear) },
  { name: 'a year by the days of another zone', most: 10, holds: 2 * 365, ask: askFor(yearElsewhere) },
  { name: 'last hour raw', most: 5, holds: 12, ask: askFor(lastHour) },
  { name: 'latest of 1000 devices', most: 20, holds: 1000, ask: askFor(latest) },
]

function askFor(path: (data: Data, turn: number) => string): Query['ask'] {
  return (asker, data, turn) => mustAsk(asker, path(data, turn))
}

/** Over HTTP, of a hub in a process of its own, by turns with `GET /health`, which reads nothing. */
export async function queries(options: Options): Promise<Figure[]> {
  const usual = await measureOn(usualSize(options), options)
  if (!options.large) return figuresOf(usual)
  const large = await measureOn('100m', options)
  const growth = large.times.map(({ query: { name }, medianMs }, index) => ({
    name: `${name}: ${large.size} / ${usual.size} points`,
    value: medianMs / (usual.times[index]?.medianMs ?? 0),
    unit: '',
    most: 1.5,
  }))
  return [...figuresOf(usual), ...figuresOf(large), ...growth]
}

interface Times {
  readonly query: Query
  readonly runs: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly referenceMs: number
}

function figuresOf({ size, times }: { size: Size; times: readonly Times[] }): Figure[] {
  return times.map(({ query: { name, most }, runs, medianMs, p99Ms, referenceMs }) => ({
    name: `${size} points: ${name}, median`,
    value: medianMs,
    unit: 'ms',
    // The bars of 10 million points; more are measured against those.
    ...(size === '100m' ? {} : { most }),
    note: `p99 ${p99Ms.toFixed(1)} ms of ${runs} runs; ${(medianMs / referenceMs).toFixed(1)} × GET /health (${referenceMs.toFixed(2)} ms)`,
  }))
}

async function measureOn(size: Size, { quick }: Options): Promise<{ size: Size; times: Times[] }> {
  const data = await dataOf(size)
  const hub = await startHubOn(data.data_dir)
  try {
    const asker = await openAsker(hub)
    const times: Times[] = []
    for (const query of dashboard) times.push(await timesOf(query, asker, data, quick ? 15 : 50))
    asker.close()
    return { size, times }
  } finally {
    await hub.stop()
  }
}

async function timesOf(query: Query, asker: Asker, data: Data, most: number): Promise<Times> {
  const [ours, reference]: [number[], number[]] = [[], []]
  const end = performance.now() + longestMs
  // The first two warm everything up.
  for (let turn = -2; turn < most && (turn < leastRuns || performance.now() < end); turn++) {
    const [theirs] = await timed(() => mustAsk(asker, '/health'))
    const [time, text] = await timed(() => query.ask(asker, data, turn + 2))
    const held = text.match(/"(?:start|ts)":/g)?.length ?? 0
    if (held < query.holds) throw new Error(`${query.name}: ${held} points, not ${query.holds}`)
    if (turn < 0) continue
    ours.push(time)
    reference.push(theirs)
  }
  const [medianMs, p99Ms] = [median(ours), percentile(ours, 0.99)]
  return { query, runs: ours.length, medianMs, p99Ms, referenceMs: median(reference) }
}

async function timed(ask: () => Promise<string>): Promise<[ms: number, text: string]> {
  const begun = performance.now()
  const text = await ask()
  return [performance.now() - begun, text]
}
