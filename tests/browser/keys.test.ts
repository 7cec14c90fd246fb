import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, openConsole } from './browser.js'
import { readQr } from './qr.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

const keyIn = (place: Locator) => place.locator('.told-once code').innerText()

describe.each([false, true])('the QR code of a key, dark: %s', dark => {
  test('holds the key of a new device', async () => {
    const { page, complaints, strayed, context } = await opened.visit('/', { dark })
    await page.getByRole('link', { name: 'Add a device' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Greenhouse')
    await page.getByRole('button', { name: 'Add it and show its key' }).click()
    const key = await keyIn(page.getByRole('region', { name: 'Its key' }))
    const qr = page.getByRole('img', { name: 'QR code of the key of Greenhouse' })
    expect(await readQr(page, qr)).toBe(key)
    expect([complaints, strayed]).toEqual([[], []])
    await context.close()
  })

  test('holds each key that a device is given later', async () => {
    const id = `pump-${dark}`
    await opened.hub.device(id, { name: 'Pump' })
    const { page, complaints, context } = await opened.visit(`/devices/${id}`, { dark })
    const keys = page.getByRole('region', { name: 'Keys' })
    const qr = keys.getByRole('img', { name: 'QR code of the key of Pump' })
    await keys.getByRole('button', { name: 'Make a new key' }).click()
    const first = await keyIn(keys)
    // The code stands still when the list above it holds what was done.
    await keys.locator('.thing').nth(1).waitFor()
    expect(await readQr(page, qr)).toBe(first)
    await keys.getByRole('checkbox', { name: /^Revoke the other keys/ }).check()
    await keys.getByRole('button', { name: 'Make a new key' }).click()
    await keys.getByText(first).waitFor({ state: 'detached' })
    const second = await keyIn(keys)
    expect(second).not.toBe(first)
    await keys.locator('.thing.gone').nth(1).waitFor()
    expect(await readQr(page, qr)).toBe(second)
    await opened.hub.connect(id, second)
    await page.locator('.summary .presence-online').waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })
})

test('the QR code of a claim holds what the command line shows', async () => {
  const { page, context } = await opened.visit('/')
  await page.getByRole('link', { name: 'Add a device' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Mailbox')
  await page.getByRole('button', { name: 'Make a claim code instead' }).click()
  const code = await keyIn(page.getByRole('main'))
  expect(await readQr(page, page.getByRole('img', { name: code }))).toBe(`hearth:${code}`)
  await context.close()
})
