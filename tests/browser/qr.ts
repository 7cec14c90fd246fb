import jsqr from 'jsqr'
import type { Locator, Page } from 'playwright-core'
import { pixelsOf } from './pixels.js'

/** What a QR code says, read off the screen; null where it cannot be read. */
export async function readQr(page: Page, code: Locator): Promise<string | null> {
  const { data, width, height } = await pixelsOf(page, await code.screenshot())
  return jsqr.default(data, width, height)?.data ?? null
}
