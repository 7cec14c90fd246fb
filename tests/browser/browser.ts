import { type Browser, type BrowserContext, chromium, type Page, type Request } from 'playwright-core'
import { admin, startHub, type TestHub } from '../helper.js'
import { freePort } from '../ports.js'

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained of: errors of its own, and what the policy forbade. */
  readonly complaints: readonly string[]
  /** Addresses of other origins that it asked for. */
  readonly strayed: readonly string[]
  /** Bytes of bodies that came so far, as they were sent: packed. */
  received(): Promise<number>
}

export interface Console {
  readonly hub: TestHub
  /** Stops the hub, and starts another on the same data and the same port. */
  restart(meanwhile: () => Promise<void>): Promise<void>
  /** Opens a page in a browser of its own; signed in as the administrator, unless told otherwise. */
  visit(path: string, options?: { signedIn?: boolean; dark?: boolean; width?: number }): Promise<Visit>
  close(): Promise<void>
}

/** Where Debian puts it. */
export const chromiumAt = '/usr/bin/chromium'

/** Chromium without a screen; whoever runs it may be root, for whom it has no sandbox. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumAt, args: ['--no-sandbox'] })

/** A real hub, and Debian's Chromium to look at it. */
export async function openConsole(env: Record<string, string> = {}): Promise<Console> {
  const settings = { HEARTH_HTTP_PORT: String(await freePort()), ...env }
  let hub = await startHub(settings)
  const browser = await launchChromium()
  return {
    get hub() {
      return hub
    },
    restart: async meanwhile => {
      await hub.hub.close()
      await meanwhile()
      hub = await startHub(settings, hub.data_dir)
    },
    visit: async (path, { signedIn = true, dark = false, width = 1280 } = {}) => {
      const context = await browser.newContext({
        baseURL: hub.http_url,
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: 900 },
        locale: 'en-GB',
      })
      context.setDefaultTimeout(10_000)
      const page = await context.newPage()
      const visit = {
        page,
        context,
        complaints: complaintsOf(page),
        strayed: strayedOf(page, hub.http_url),
        received: countOf(page),
      }
      await page.goto(path)
      if (signedIn) await signIn(page)
      return visit
    },
    close: async () => {
      await browser.close()
      await hub.close()
    },
  }
}

export async function signIn(page: Page, { email, password } = admin): Promise<void> {
  await page.getByLabel('User name or e-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    // That a request was refused is told in the page itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  return complaints
}

function strayedOf(page: Page, origin: string): string[] {
  const strayed: string[] = []
  page.on('request', request => {
    if (new URL(request.url()).origin !== origin && !request.url().startsWith('data:')) strayed.push(request.url())
  })
  return strayed
}

function countOf(page: Page): () => Promise<number> {
  const finished: Request[] = []
  page.on('requestfinished', request => finished.push(request))
  return async () => {
    const sizes = await Promise.all(finished.map(request => request.sizes()))
    return sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0)
  }
}
