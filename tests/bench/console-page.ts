import { access } from 'node:fs/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { chromiumAt, launchChromium, signIn } from '../browser/browser.js'
import { Missing } from './figures.js'
import type { HubTarget } from './processes.js'

type Storage = BrowserContextOptions['storageState']

/**
 * Chromium without a screen, as tests have it. No flag speeds anything up: frames begin sixty times a second as on a screen, and nothing lifts
 * that limit or leaves out work, for then frames would be counted that nobody can see. Without a graphics card it draws with the processors
 * that the hub and the load have too, so whoever has a card sees more frames, not fewer.
 * @throws Missing where there is no Chromium
 */
export async function openChromium(): Promise<Browser> {
  const found = await access(chromiumAt).then(
    () => true,
    () => false,
  )
  if (!found) throw new Missing(`There is no Chromium at ${chromiumAt}: on Debian, \`apt-get install chromium\`.`)
  return launchChromium()
}

export const urlOf = ({ http_port }: Pick<HubTarget, 'http_port'>) => `http://127.0.0.1:${http_port}`

/** A page of somebody who comes for the first time: nothing is cached. Close its context. @param storage who is signed in */
export async function openPage(browser: Browser, url: string, storage?: Storage): Promise<Page> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    colorScheme: 'light',
    ...(storage === undefined ? {} : { storageState: storage }),
  })
  return context.newPage()
}

/** What a browser keeps of the administrator who has signed in there. */
export async function signedIn(browser: Browser, url: string): Promise<NonNullable<Storage>> {
  const page = await openPage(browser, url)
  await page.goto('/')
  await signIn(page)
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  const storage = await page.context().storageState()
  await page.context().close()
  return storage
}
