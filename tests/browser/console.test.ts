import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { simulate } from '../../simulators/fleet.js'
import { admin, until } from '../helper.js'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

const publish =
  (connection: { publishAsync: (topic: string, payload: string, options: { qos: 1 }) => Promise<unknown> }) =>
  (topic: string, payload: object) =>
    connection.publishAsync(topic, JSON.stringify(payload), { qos: 1 })

describe('signing in', () => {
  test('leads to where one wanted to go, and is refused with a wrong password', async () => {
    await opened.hub.device('door', { name: 'Back door' })
    const { page, complaints, strayed, context } = await opened.visit('/devices/door', { signedIn: false })
    await signIn(page, { ...admin, password: 'not the password' })
    await page.getByText('This name and password do not belong together.').waitFor()
    await signIn(page)
    const title = page.getByRole('heading', { level: 1, name: 'Back door' })
    await title.waitFor()
    await until(() => title.evaluate(element => element === element.ownerDocument.activeElement))
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Back door' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(complaints).toEqual([])
    expect(strayed).toEqual([])
    await context.close()
  })
})

describe('the overview', () => {
  test('shows a value within a second of its publish', async () => {
    const key = await opened.hub.device('sensor', { name: 'Cellar sensor' })
    const say = publish(await opened.hub.connect('sensor', key))
    await say('devices/sensor/telemetry', { temperature: 11.25 })
    const { page, complaints, strayed, context } = await opened.visit('/')
    const card = page.getByRole('listitem').filter({ hasText: 'Cellar sensor' })
    await card.getByText('11.25').waitFor()
    await until(() => card.getByText('Online').isVisible())
    // Who sees one value come watches.
    await say('devices/sensor/telemetry', { temperature: 11.75 })
    await card.getByText('11.75').waitFor()
    const begun = performance.now()
    await say('devices/sensor/telemetry', { temperature: 12.75 })
    await card.getByText('12.75').waitFor()
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(complaints).toEqual([])
    expect(strayed).toEqual([])
    await context.close()
  })

  test('shows a device that is new, and one that has gone', async () => {
    const { page, context } = await opened.visit('/')
    await page.getByRole('heading', { level: 1 }).waitFor()
    const key = await opened.hub.device('later', { name: 'Came later' })
    const connection = await opened.hub.connect('later', key)
    await publish(connection)('devices/later/telemetry', { level: 5 })
    const card = page.getByRole('listitem').filter({ hasText: 'Came later' })
    await card.getByText('Online').waitFor()
    await connection.endAsync()
    await card.getByText('Offline').waitFor()
    await opened.hub.client.call('DELETE /devices/{id}', { params: { id: 'later' } })
    await card.waitFor({ state: 'detached' })
    await context.close()
  })
})

test('back leads to where one was on a page', async () => {
  const names = Array.from({ length: 60 }, (_, i) => `shelf-${i}`)
  await Promise.all(names.map(id => opened.hub.device(id)))
  const { page, context } = await opened.visit('/')
  const top = () => page.evaluate<number>('scrollY')
  const link = page.getByRole('link', { name: 'shelf-59' })
  await link.scrollIntoViewIfNeeded()
  const left = await top()
  expect(left).toBeGreaterThan(100)
  await link.click()
  await page.getByRole('heading', { level: 1, name: 'shelf-59' }).waitFor()
  await until(async () => (await top()) === 0)
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor()
  await until(async () => (await top()) === left)
  await context.close()
})

test('the first load takes at most 150 KB, data included', async () => {
  const { page, received, context } = await opened.visit('/')
  const begun = performance.now()
  await page.getByText('no open alerts').waitFor()
  const ms = Math.round(performance.now() - begun)
  // What makes it live comes when it is drawn.
  await page.waitForLoadState('networkidle')
  const bytes = await received()
  console.log(`first load: ${(bytes / 1000).toFixed(1)} KB, whole ${ms} ms after signing in`)
  expect(bytes).toBeGreaterThan(50_000)
  expect(bytes).toBeLessThan(150_000)
  await context.close()
})

describe('the page of a device', () => {
  test('takes a command back that the device has not got yet', async () => {
    await opened.hub.device('asleep', { name: 'Fountain' })
    const { page, complaints, context } = await opened.visit('/devices/asleep')
    const commands = page.getByRole('region', { name: 'Commands' })
    await commands.getByText('Nothing was asked of this device yet.').waitFor()
    await opened.hub.client.call('POST /devices/{id}/commands', { params: { id: 'asleep' }, body: { name: 'spray' } })
    await commands.getByText('Queued').first().waitFor()
    await commands.locator('summary').click()
    await commands.getByRole('button', { name: 'Take it back' }).click()
    await commands.getByText('Cancelled').first().waitFor()
    await commands.getByRole('button', { name: 'Take it back' }).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await context.close()
  })

  test('switches a light, and says that the light has confirmed it', async () => {
    const api_key = await opened.hub.device('light', { name: 'Porch light', type: 'light' })
    const { mqtt_url: url } = opened.hub
    const fleet = await simulate({ url, credentials: [{ id: 'light', api_key }], model: 'light', interval_ms: 500 })
    const { page, complaints, context } = await opened.visit('/')
    await page.getByRole('link', { name: 'Porch light' }).click()
    const title = page.getByRole('heading', { level: 1, name: 'Porch light' })
    await title.waitFor()
    await until(() => title.evaluate(element => element === element.ownerDocument.activeElement))
    const control = page.getByRole('group', { name: 'Set power' })
    await control.getByRole('button', { name: 'On' }).click()
    await control.getByText('Done: the device has confirmed it.').waitFor()
    await control.getByRole('button', { name: 'On', pressed: true }).waitFor()
    await page.getByRole('row', { name: /Power on/ }).waitFor()
    const command = page.getByRole('listitem').filter({ hasText: 'Set power' }).first()
    await command.getByText('Succeeded').first().waitFor()
    await command.locator('summary').click()
    await command.getByText('Queued').waitFor()
    await page.locator('.plot canvas').waitFor()
    await page.getByRole('radio', { name: 'One year' }).check()
    await page.locator('.plot canvas').waitFor()
    expect(complaints).toEqual([])
    await context.close()
    await fleet.stop()
  })
})

describe('an alert', () => {
  test('appears as it is raised, is acknowledged and closed', async () => {
    const { page, complaints, context } = await opened.visit('/alerts')
    await page.getByText('No alert is open.').waitFor()
    const key = await opened.hub.device('tank', { name: 'Water tank' })
    const connection = await opened.hub.connect('tank', key)
    await publish(connection)('devices/tank/alert/leak', {
      severity: 'critical',
      message: 'Water where none should be',
    })
    const card = page.getByRole('listitem').filter({ hasText: 'Water where none should be' })
    await card.getByRole('button', { name: 'Acknowledge' }).click()
    await card.getByText('Acknowledged').waitFor()
    await card.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await page.getByText('No alert is open.').waitFor()
    await page.getByRole('heading', { name: 'Closed' }).waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })
})
