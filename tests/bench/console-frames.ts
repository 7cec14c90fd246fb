import type { Browser, Page } from 'playwright-core'
import { until } from '../helper.js'
import { openPage, signedIn, urlOf } from './console-page.js'
import { type Figure, median, type Options, rounds } from './figures.js'
import { valuesInSample } from './fill.js'
import { readings, watchFrames } from './in-page.js'
import { type HubTarget, load, startHub } from './processes.js'

const devices = 500
const roundMs = 10_000
const mega = 1e6
/** To connect all devices, to sign in, to collect garbage. */
const aroundSeconds = 40

interface Round {
  readonly frames: readonly number[]
  readonly tasks: readonly number[]
}

interface Watched {
  readonly rounds: readonly Round[]
  readonly empty: Round
  /** What Chromium took of one processor meanwhile, from 0 to 1; on several it may take more. */
  readonly busy: number
  /** What the page held more at the end than at the beginning, in bytes. */
  readonly grown: number
}

/** How the overview moves while each of many devices says something every second. */
export async function frames(browser: Browser, { quick }: Options): Promise<Figure[]> {
  const turns = quick ? 1 : 6
  const hub = await startHub(devices)
  try {
    const seconds = ((turns + 1) * roundMs) / 1000 + aroundSeconds
    const options = { devices, values: valuesInSample, per_second: devices, seconds }
    const [report, watched] = await Promise.all([load(hub, options), watch(browser, hub, turns)])
    return [...figuresOf(watched), messages(report.per_second)]
  } finally {
    await hub.stop()
  }
}

const messages = (value: number): Figure => ({
  name: `messages a second of ${devices} meanwhile`,
  value,
  unit: '',
  least: devices * 0.95,
})

async function watch(browser: Browser, hub: HubTarget, turns: number): Promise<Watched> {
  const page = await openPage(browser, urlOf(hub), await signedIn(browser, urlOf(hub)))
  await page.goto('/')
  await page.getByText(`${devices} online`).waitFor()
  await until(async () => (await page.locator('.card .readings').count()) === devices)
  const held = await heldBytes(page)
  const [took, begun] = [await processorSeconds(browser), performance.now()]
  const rounds: Round[] = []
  for (let turn = 0; turn < turns; turn++) rounds.push(await roundOf(page))
  const busy = ((await processorSeconds(browser)) - took) / ((performance.now() - begun) / 1000)
  const grown = (await heldBytes(page)) - held
  await page.context().close()
  const blank = await openPage(browser, urlOf(hub))
  const empty = await blank.evaluate(watchFrames, roundMs)
  await blank.context().close()
  return { rounds, empty, busy, grown }
}

/** @throws Error when a device stood still: a page that shows nothing new has frames enough */
async function roundOf(page: Page): Promise<Round> {
  const before = await page.evaluate(readings)
  const round = await page.evaluate(watchFrames, roundMs)
  const after = await page.evaluate(readings)
  const still = after.filter((text, i) => text === before[i]).length
  if (still > 0 || after.length !== devices) throw new Error(`Of ${after.length} devices ${still} stood still.`)
  console.log(`    ${rate(round).toFixed(1)} frames/s   worst second ${worstSecond(round)}`)
  return round
}

/** What JavaScript holds in a page once its garbage is collected. */
async function heldBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  return usedSize
}

/** All that the processes of a browser have taken so far. */
async function processorSeconds(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0)
}

const rate = ({ frames }: Round) => ((frames.length - 1) * 1000) / ((frames.at(-1) ?? 0) - (frames[0] ?? 0))

/** Of all seconds that end with a frame, the one with the fewest. */
function worstSecond({ frames }: Round): number {
  const [first = 0] = frames
  let worst = Number.POSITIVE_INFINITY
  let begin = 0
  for (const [i, at] of frames.entries()) {
    while ((frames[begin] ?? at) <= at - 1000) begin++
    if (at - first >= 1000) worst = Math.min(worst, i - begin + 1)
  }
  return worst
}

const longestGap = ({ frames }: Round) => Math.max(...frames.slice(1).map((at, i) => at - (frames[i] ?? at)))

function figuresOf({ rounds: all, empty, busy, grown }: Watched): Figure[] {
  const over = (of: (round: Round) => number) => {
    const values = all.map(of)
    return { value: median(values), note: rounds(values) }
  }
  const tasks = all.flatMap(round => round.tasks)
  const name = `${devices} live devices`
  const unit = 'frames/s'
  return [
    { name: `${name}: frames`, ...over(rate), unit, least: 50 },
    { name: `${name}: frames in the worst second`, ...over(worstSecond), unit, least: 50 },
    { name: 'an empty page beside the same load', value: rate(empty), unit },
    { name: `${name}: what Chromium takes of a processor`, value: 100 * busy, unit: '%' },
    { name: `${name}: longest time between two frames`, ...over(longestGap), unit: 'ms' },
    {
      name: `${name}: longest task`,
      value: Math.max(0, ...tasks),
      unit: 'ms',
      note: `${tasks.length} took 50 ms or more`,
    },
    {
      name: `${name}: memory that the page gained`,
      value: grown / mega,
      unit: 'MB',
      note: `in ${(all.length * roundMs) / 1000} s`,
    },
  ]
}
