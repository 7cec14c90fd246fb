import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../helper.js'
import { type Console, openConsole } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

/** A device that has measured something, and says what it likes. */
async function device(id: string) {
  const connection = await opened.hub.connect(id, await opened.hub.device(id))
  const say = (topic: string, message: unknown) =>
    connection.publishAsync(`devices/${id}/${topic}`, JSON.stringify(message), { qos: 1 })
  await say('telemetry', { level: 1 })
  return say
}

const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

test('times that cannot be leave the page of a device as it is', async () => {
  const say = await device('clockless')
  const { page, context, complaints } = await opened.visit('/devices/clockless')
  await panel(page, 'Now').getByText('Level').waitFor()
  await panel(page, 'Events').getByText('This device has told of no event.').waitFor()
  await say('event', { type: 'opened', ts: 1e300 })
  await panel(page, 'Events').getByText('Opened').waitFor()
  await say('telemetry', { age: 1e300, data: { humidity: 40 } })
  await panel(page, 'Now').getByText('Humidity').waitFor()
  expect(complaints).toEqual([])
  await context.close()
})

test('names that every object has are names as others are', async () => {
  const say = await device('namesake')
  await say('telemetry', { constructor: 5 })
  await say('state', { toString: 'loud' })
  await say('hello', { capabilities: { valueOf: { properties: { hasOwnProperty: {} } } } })
  await opened.hub.client.patch('/devices/namesake/desired', { constructor: 'wide' })
  const { page, context, complaints } = await opened.visit('/devices/namesake')
  await panel(page, 'Now').getByText('Constructor').waitFor()
  const rows = panel(page, 'State').locator('tbody tr')
  await rows.first().waitFor()
  expect(await rows.allInnerTexts()).toEqual(['ToString\tloud\tas reported', 'Constructor\t–\twide, not reached yet'])
  expect(await page.getByLabel('HasOwnProperty').inputValue()).toBe('')
  expect(await page.locator('main').innerText()).not.toContain('native code')
  expect(complaints).toEqual([])
  await context.close()
})

test('a text of thousands of letters does not hold the page up', async () => {
  const say = await device('talker')
  const { page, context } = await opened.visit('/')
  const card = page.getByRole('listitem').filter({ hasText: 'talker' })
  await card.getByText('Level').waitFor()
  await say('telemetry', { words: 'A'.repeat(64_000), [`n${'a'.repeat(120)}`]: 1 })
  await card.getByText('Words').waitFor()
  await say('state', { ['long'.repeat(4000)]: 'A'.repeat(16_000) })
  await say('event', { type: 'A'.repeat(64_000), deep: 'B'.repeat(64_000) })
  await card.getByRole('link').click()
  await panel(page, 'State')
    .getByText(/^Longlong/)
    .waitFor()
  await panel(page, 'Events').getByText(/^AAAA/).waitFor()
  expect((await page.locator('main').innerText()).length).toBeLessThan(10_000)
  await context.close()
})

test('numbers however large have a chart, and are written so that they can be read', async () => {
  const say = await device('counter')
  for (const level of [2 ** 53, 2 ** 53, 1.7e308]) {
    await say('telemetry', { level })
    const { page, context, complaints } = await opened.visit('/devices/counter')
    await panel(page, 'History').locator('canvas').waitFor()
    const shown = panel(page, 'Now').locator('dd').first()
    await until(async () => (await shown.innerText()).length < 12)
    expect(complaints).toEqual([])
    await context.close()
  }
})

test('a name that turns the direction of writing turns nothing beside it', async () => {
  await opened.hub.device('turner', { name: 'Lamp\u202e' })
  const { client } = opened.hub
  const { home } = await client.call('GET /homes/{id}', { params: { id: 'home' } })
  const body = { device_id: 'turner', severity: 'minor', message: 'Too warm' } as const
  await client.call('POST /alerts', { body })
  const { page, context } = await opened.visit('/alerts')
  const place = page.getByText(`, ${home.name}`).filter({ hasText: 'Lamp' })
  await place.waitFor()
  const lefts = await place.evaluate(element =>
    [...element.childNodes].map(node => {
      const range = element.ownerDocument.createRange()
      range.selectNodeContents(node)
      return range.getBoundingClientRect().left
    }),
  )
  expect(lefts).toEqual(lefts.toSorted((a, b) => a - b))
  await context.close()
})

test('what goes wrong in a view is told in its place, and is over where one goes elsewhere', async () => {
  await device('odd')
  const { page, context, complaints } = await opened.visit('/')
  await page.getByRole('link', { name: 'odd' }).waitFor()
  // As an older page may meet in the answer of a newer hub: a time that is none to it.
  const events = [{ id: 1, device_id: 'odd', home_id: 'home', kind: 'event', ts: 1e300, received_at: 0, data: null }]
  await page.route(/\/devices\/odd\/events/, route => route.fulfill({ json: { events, next_cursor: null } }))
  await page.getByRole('link', { name: 'odd' }).click()
  await page.getByRole('heading', { name: 'Something went wrong' }).waitFor()
  expect(complaints.join()).toContain('Invalid time value')
  await page.getByRole('link', { name: 'Alerts' }).click()
  await page.getByRole('heading', { name: 'Alerts', level: 1 }).waitFor()
  await context.close()
})
