import type { Page, Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

/** Something that is waited for until it is told. */
function moment() {
  const signal = new EventTarget()
  const come = new Promise<void>(resolve => signal.addEventListener('come', () => resolve(), { once: true }))
  return { come, tell: () => signal.dispatchEvent(new Event('come')) }
}

/** Lets the next question on a path through to the hub, and holds its answer back. */
async function holdBack(page: Page, path: RegExp) {
  const [answered, released] = [moment(), moment()]
  const hold = async (route: Route) => {
    const response = await route.fetch()
    answered.tell()
    await released.come
    await route.fulfill({ response })
  }
  await page.route(path, hold, { times: 1 })
  return { answered: answered.come, release: released.tell }
}

/** A device that nobody knew makes the page read everything anew. */
async function makeItReadAll(id: string) {
  const connection = await opened.hub.connect(id, await opened.hub.device(id, { name: `Device ${id}` }))
  await connection.publishAsync(`devices/${id}/telemetry`, '{"level":1}', { qos: 1 })
}

test('a presence that comes while all is being read anew is not undone by the older answer', async () => {
  const key = await opened.hub.device('sensor', { name: 'Cellar sensor' })
  const { page, complaints, context } = await opened.visit('/')
  const card = page.getByRole('listitem').filter({ hasText: 'Cellar sensor' })
  await card.getByText('Offline').waitFor()
  const devices = await holdBack(page, /\/api\/v1\/devices\?/)
  await makeItReadAll('one')
  await devices.answered
  await opened.hub.connect('sensor', key)
  await card.getByText('Online').waitFor()
  devices.release()
  await page.getByRole('link', { name: 'Device one' }).waitFor()
  expect(await card.locator('.presence').innerText()).toBe('Online')
  expect(complaints).toEqual([])
  await context.close()
})

test('alerts that come and go while all is being read anew stay come and gone', async () => {
  const { client } = opened.hub
  const raise = async (message: string) =>
    (await client.call('POST /alerts', { body: { home_id: 'home', severity: 'minor', message } })).alert.id
  const id = await raise('The old one')
  const { page, context } = await opened.visit('/')
  const shown = (message: string) => page.getByText(message, { exact: true })
  await shown('The old one').waitFor()
  const alerts = await holdBack(page, /\/api\/v1\/alerts\?/)
  await makeItReadAll('two')
  await alerts.answered
  await client.call('POST /alerts/{id}/close', { params: { id } })
  await raise('The new one')
  await shown('The new one').waitFor()
  await shown('The old one').waitFor({ state: 'detached' })
  alerts.release()
  await page.getByRole('link', { name: 'Device two' }).waitFor()
  expect([await shown('The old one').count(), await shown('The new one').count()]).toEqual([0, 1])
  await context.close()
})

test('what a device reports while its state is being read anew is not undone by the older answer', async () => {
  const key = await opened.hub.device('lamp', { name: 'Lamp' })
  const lamp = await opened.hub.connect('lamp', key)
  const report = (power: string) => lamp.publishAsync('devices/lamp/state', JSON.stringify({ power }), { qos: 1 })
  await report('off')
  const { page, context } = await opened.visit('/')
  await page.getByRole('link', { name: 'Lamp' }).waitFor()
  const state = await holdBack(page, /\/devices\/lamp\/state$/)
  await page.getByRole('link', { name: 'Lamp' }).click()
  await state.answered
  await report('on')
  await page.getByRole('row', { name: /Power on/ }).waitFor()
  const answer = page.waitForResponse(/\/devices\/lamp\/state$/)
  state.release()
  await (await answer).finished()
  await page.evaluate('new Promise(requestAnimationFrame)')
  expect(await page.getByRole('row', { name: /Power on/ }).count()).toBe(1)
  await context.close()
})

test('whose connection the hub closes, as they were switched off, is asked to sign in and sees nothing more', async () => {
  const { client } = opened.hub
  const guest = { email: 'guest@example.org', username: 'guest', password: 'correct horse battery' }
  const { user } = await client.call('POST /users', { body: guest })
  const params = { id: 'home', user_id: user.id }
  await client.call('PUT /homes/{id}/members/{user_id}', { params, body: { role: 'member' } })
  const { page, complaints, context } = await opened.visit('/', { signedIn: false })
  const live = page.waitForEvent('websocket')
  await signIn(page, guest)
  await page
    .getByText(/open alert/)
    .first()
    .waitFor()
  const closed = (await live).waitForEvent('close')
  await client.call('PATCH /users/{id}/deactivate', { params: { id: user.id } })
  await closed
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect(complaints).toEqual([])
  await context.close()
})
