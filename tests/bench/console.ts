import { charts } from './console-charts.js'
import { frames } from './console-frames.js'
import { firstLoads } from './console-loads.js'
import { openChromium } from './console-page.js'
import type { Figure, Options } from './figures.js'

/** What a person feels of the console, in Chromium: how soon it is there, how it moves with many devices, how soon it draws a year. */
export async function consoleBench(options: Options): Promise<Figure[]> {
  const browser = await openChromium()
  try {
    return [
      ...(await firstLoads(browser, options)),
      ...(await frames(browser, options)),
      ...(await charts(browser, options)),
    ]
  } finally {
    await browser.close()
  }
}
