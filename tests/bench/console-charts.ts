import type { Browser, Page } from 'playwright-core'
import { openPage, signedIn, urlOf } from './console-page.js'
import { type Data, dataOf, usualSize } from './data.js'
import { deviceId } from './devices.js'
import { type Figure, median, type Options, rounds } from './figures.js'
import { type Drawn, watchChart } from './in-page.js'
import { type HubTarget, startHubOn } from './processes.js'

/** A line across the chart has more. */
const leastPixels = 200

/** How soon a year is drawn once somebody asks for it. */
export async function charts(browser: Browser, options: Options): Promise<Figure[]> {
  const data = await dataOf(usualSize(options))
  const { quick } = options
  const cold: number[] = []
  for (let turn = 0; turn < (quick ? 2 : 7); turn++)
    cold.push(...(await onHub(data, hub => times(browser, hub, turn % data.years, 1))))
  const [, ...warm] = await onHub(data, hub => times(browser, hub, 0, quick ? 5 : 20))
  const figure = (name: string, values: readonly number[], about: string): Figure => ({
    name: `a year's chart, ${name}: from the click until it is drawn`,
    value: median(values),
    unit: 'ms',
    most: 200,
    note: `${about}; ${rounds(values)}`,
  })
  return [
    figure('cold', cold, 'the first query of a hub that has just started, the first chart of a page that has nothing'),
    figure('warm', warm, 'asked for before'),
  ]
}

async function onHub<T>({ data_dir }: Data, run: (hub: HubTarget) => Promise<T>): Promise<T> {
  const hub = await startHubOn(data_dir)
  try {
    return await run(hub)
  } finally {
    await hub.stop()
  }
}

async function times(browser: Browser, hub: HubTarget, device: number, turns: number): Promise<number[]> {
  const page = await openPage(browser, urlOf(hub), await signedIn(browser, urlOf(hub)))
  await page.goto(`/devices/${deviceId(device)}`)
  const times: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    await choose(page, 'One hour')
    await page
      .locator('.chart')
      .filter({ has: page.locator('.empty, canvas') })
      .waitFor()
    times.push(await yearOn(page))
  }
  await page.context().close()
  return times
}

const choose = (page: Page, range: string) => page.getByRole('radio', { name: range }).check()

async function yearOn(page: Page): Promise<number> {
  await page.evaluate(watchChart)
  await choose(page, 'One year')
  const { ms, pixels }: Drawn = await page.evaluate('drawn')
  if (pixels < leastPixels) throw new Error(`A year's chart was drawn with ${pixels} pixels of its line.`)
  return ms
}
