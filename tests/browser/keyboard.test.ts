import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, simulate } from '../../simulators/fleet.js'
import { admin, until } from '../helper.js'
import { type Console, openConsole } from './browser.js'

let opened: Console
let fleet: Fleet
beforeAll(async () => {
  opened = await openConsole()
  const { hub } = opened
  const api_key = await hub.device('light', { name: 'Porch light', type: 'light' })
  const credentials = [{ id: 'light', api_key }]
  fleet = await simulate({ url: hub.mqtt_url, credentials, model: 'light', interval_ms: 500 })
  await hub.client.call('POST /homes/{id}/rooms', { params: { id: 'home' }, body: { name: 'Hall' } })
}, 60_000)
afterAll(async () => {
  await fleet.stop()
  await opened.close()
})

const hasFocus = (element: Locator) => element.evaluate(one => one === one.ownerDocument.activeElement)

/** Whether one sees what has the focus: by itself, by its card, or by the words of its choice. */
const isMarked = `(({ activeElement: one }) =>
  [one, one.closest('.card') ?? one, one.nextElementSibling ?? one].some(
    marked => getComputedStyle(marked).outlineStyle === 'solid',
  ))(document)`
const mostSteps = 100

/** Goes on with Tab until it has the focus, and sees that it has. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let step = 0; step < mostSteps; step++) {
    await page.keyboard.press('Tab')
    if (!(await hasFocus(target))) continue
    expect(await page.evaluate<boolean>(isMarked)).toBe(true)
    return
  }
  throw new Error(`${mostSteps} steps with Tab do not lead to ${target}`)
}

async function signInByKeys(page: Page): Promise<void> {
  await until(() => hasFocus(page.getByLabel('User name or e-mail')))
  await page.keyboard.type(admin.email)
  await page.keyboard.press('Tab')
  await page.keyboard.type(admin.password)
  await page.keyboard.press('Enter')
}

test('one signs in, switches a light and deals with its alert without a mouse', async () => {
  await opened.hub.client.post('/alerts', { device_id: 'light', severity: 'minor', message: 'It flickers' })
  const { page, complaints, context } = await opened.visit('/', { signedIn: false })
  await signInByKeys(page)
  await until(() => hasFocus(page.getByRole('heading', { level: 1 })))
  const alert = page.getByRole('listitem').filter({ hasText: 'It flickers' })
  await tabTo(page, alert.getByRole('button', { name: /^Acknowledge/ }))
  await page.keyboard.press('Enter')
  await alert.getByText('Acknowledged', { exact: true }).waitFor()
  // The button is gone; what is next to it has the focus.
  await until(() => hasFocus(alert.getByRole('button', { name: /^Escalate/ })))
  await tabTo(page, page.getByRole('listitem').getByRole('link', { name: 'Porch light' }).last())
  await page.keyboard.press('Enter')
  const title = page.getByRole('heading', { level: 1, name: 'Porch light' })
  await title.waitFor()
  await until(() => hasFocus(title))
  const on = page.getByRole('group', { name: 'Set power' }).getByRole('button', { name: 'On' })
  await tabTo(page, on)
  await page.keyboard.press('Space')
  await page.getByRole('group', { name: 'Set power' }).getByText('Done: the device has confirmed it.').waitFor()
  expect(await hasFocus(on)).toBe(true)
  expect(complaints).toEqual([])
  await context.close()
})

test('what asks first is left with Escape, and the focus is where it was', async () => {
  const { page, context } = await opened.visit('/devices/light')
  const button = page.getByRole('button', { name: 'Delete Porch light' })
  await tabTo(page, button)
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Delete Porch light?' })
  await dialog.waitFor()
  expect(await dialog.evaluate(element => element.contains(element.ownerDocument.activeElement))).toBe(true)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  expect(await hasFocus(button)).toBe(true)
  await page.goto('/homes/home')
  const rename = page.getByRole('button', { name: 'Rename Hall' })
  await tabTo(page, rename)
  await page.keyboard.press('Enter')
  await until(() => hasFocus(page.getByLabel('New name of Hall')))
  await page.keyboard.press('Escape')
  await until(() => hasFocus(rename))
  await context.close()
})

test('one goes to the content past the navigation, and chooses of several with the arrows', async () => {
  const { page, context } = await opened.visit('/devices/light')
  await page.locator('.plot canvas').waitFor()
  await page.reload()
  await page.locator('.plot canvas').waitFor()
  await page.keyboard.press('Shift+Tab')
  const skip = page.getByRole('link', { name: 'To the content' })
  for (let step = 0; step < mostSteps && !(await hasFocus(skip)); step++) await page.keyboard.press('Shift+Tab')
  expect(await skip.isVisible()).toBe(true)
  await page.keyboard.press('Enter')
  expect(await hasFocus(page.getByRole('main'))).toBe(true)
  await tabTo(page, page.getByRole('radio', { name: 'One hour' }))
  await page.keyboard.press('ArrowRight')
  expect(await page.getByRole('radio', { name: 'Six hours' }).isChecked()).toBe(true)
  await context.close()
})
