import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, openConsole } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

const say = async (key: string, temperature: number) => {
  const connection = await opened.hub.connect('sensor', key)
  await connection.publishAsync('devices/sensor/telemetry', JSON.stringify({ temperature }), { qos: 1 })
  await connection.endAsync()
}

test('the hub restarts, and the page says so and goes on by itself', async () => {
  const key = await opened.hub.device('sensor', { name: 'Cellar sensor' })
  await say(key, 11.25)
  const { page, complaints } = await opened.visit('/devices/sensor')
  await page.getByText('11.25').first().waitFor()
  const banner = page.getByText('No connection to the hub.')
  await opened.restart(() => banner.waitFor())
  await say(key, 12.75)
  await page.getByText('12.75').first().waitFor()
  await banner.waitFor({ state: 'detached' })
  await say(key, 13.5)
  await page.getByText('13.5').first().waitFor()
  expect(complaints.filter(text => !/WebSocket|ERR_CONNECTION/.test(text))).toEqual([])
})

test('a view that was asked for while the hub was away comes when it is back', async () => {
  const { page } = await opened.visit('/')
  await page.getByText('no open alerts').waitFor()
  await opened.restart(async () => {
    await page.getByText('No connection to the hub.').waitFor()
    const failed = page.waitForEvent('requestfailed', request => request.url().includes('/assets/'))
    await page.getByRole('link', { name: 'Groups' }).click()
    await failed
  })
  await page.getByRole('heading', { level: 1, name: 'Groups' }).waitFor()
})

test('a view that looks otherwise than the first ones does so too when it comes after an outage', async () => {
  const { page } = await opened.visit('/')
  await page.getByText('no open alerts').waitFor()
  await opened.restart(async () => {
    await page.getByText('No connection to the hub.').waitFor()
    const failed = page.waitForEvent('requestfailed', request => request.url().includes('/assets/alerts'))
    await page.getByRole('link', { name: 'Alerts' }).click()
    await failed
  })
  await page.getByRole('heading', { level: 1, name: 'Alerts' }).waitFor()
  await page.getByRole('search').waitFor()
  expect(await page.evaluate("getComputedStyle(document.querySelector('search')).display")).toBe('grid')
})

test('a panel that could not be read says so, and is read when somebody tries again', async () => {
  await opened.hub.device('porch', { name: 'Porch sensor' })
  const { page } = await opened.visit('/')
  const asked = '**/api/v1/devices/porch/events**'
  await page.route(asked, route => route.abort())
  await page.getByRole('link', { name: 'Porch sensor' }).click()
  const events = page.getByRole('region', { name: 'Events' })
  await events.getByText('The hub does not answer.').waitFor()
  const again = events.getByRole('button', { name: 'Try again' })
  const failed = page.waitForEvent('requestfailed', request => request.url().includes('/events'))
  await again.press('Enter')
  await failed
  await again.waitFor()
  await page.unroute(asked)
  await again.press('Enter')
  await events.getByText('This device has told of no event.').waitFor()
  await page.getByRole('heading', { level: 1, name: 'Porch sensor' }).and(page.locator(':focus')).waitFor()
})
