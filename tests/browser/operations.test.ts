import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../helper.js'
import { type Console, openConsole, signIn } from './browser.js'

let opened: Console
let say: (payload: string) => Promise<unknown>
beforeAll(async () => {
  opened = await openConsole()
  const connection = await opened.hub.connect('meter', await opened.hub.device('meter', { name: 'Water meter' }))
  say = payload => connection.publishAsync('devices/meter/telemetry', payload, { qos: 1 })
}, 60_000)
afterAll(() => opened.close())

test('a message that was refused is mended and replayed: its reading appears, and the audit has it', async () => {
  const { page, complaints, context } = await opened.visit('/quarantine')
  await page.getByText('Every message was understood.').waitFor()
  await say('{"litres":')
  const message = page.getByRole('listitem').filter({ hasText: 'Water meter' })
  await until(async () => {
    const fresh = page.getByRole('button', { name: /^Show \d+ new message/ })
    if (await fresh.isVisible()) await fresh.click()
    return message.isVisible()
  })
  await message.locator('summary').click()
  await message.getByLabel('Payload').fill('{"litres":42.')
  await message.getByRole('button', { name: 'Replay as mended' }).click()
  await message.getByText('The message was quarantined.').waitFor()
  await message.getByLabel('Payload').fill('{"litres":42.5}')
  await message.getByRole('button', { name: 'Replay as mended' }).click()
  await message.getByText('Replayed', { exact: true }).waitFor()
  await page.goto('/devices/meter')
  await page.getByText('42.5').first().waitFor()
  await page.goto('/audit')
  const row = page.getByRole('listitem').filter({ hasText: 'quarantine.replay' }).first()
  await row.locator('summary').click()
  await row.getByRole('button', { name: 'All about device/meter' }).click()
  await page.getByRole('listitem').filter({ hasText: 'device.create' }).first().waitFor()
  await page.getByRole('button', { name: 'Check every row' }).click()
  await page.getByText('Yes.').waitFor()
  expect(complaints).toEqual([])
  await context.close()
}, 60_000)

test('what could not be told is sent again', async () => {
  const { client, hub } = opened.hub
  const ntfy = { kind: 'ntfy', name: 'Telephone', server: 'https://127.0.0.1:9', topic: 'home' } as const
  const { contact } = await client.call('POST /settings/contacts', { body: ntfy })
  const { notification } = await client.call('POST /settings/contacts/{id}/test', { params: { id: contact.id } })
  const { id } = notification
  const dead = { status: 'dead', settled_at: Date.now(), next_at: null } as const
  await hub.store.db.updateTable('notifications').set(dead).where('id', '=', id).execute()
  const { page, complaints, context } = await opened.visit('/operations')
  const givenUp = page.getByRole('region', { name: 'Given up' })
  await givenUp.getByText('Telephone', { exact: true }).waitFor()
  await givenUp.getByRole('button', { name: 'Send again to Telephone' }).click()
  await until(async () => {
    const { audit } = await client.call('GET /ops/audit', { query: { action: 'notification.retry' } })
    return audit.length === 1
  })
  expect(complaints).toEqual([])
  await context.close()
})

test('a message that was refused is deleted, once somebody is sure', async () => {
  await say('{"gallons":')
  const { page, complaints, context } = await opened.visit('/quarantine')
  const message = page.getByRole('listitem').filter({ hasText: 'Water meter' }).first()
  await message.locator('summary').click()
  expect(await message.getByLabel('Payload').inputValue()).toContain('gallons')
  await message.getByRole('button', { name: 'Delete this message' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  const list = async () => (await opened.hub.client.call('GET /ops/quarantine')).quarantine
  const isThere = async () => (await list()).some(({ payload_text }) => payload_text.includes('gallons'))
  expect(await isThere()).toBe(true)
  await message.getByRole('button', { name: 'Delete this message' }).click()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await page.getByLabel('Payload').waitFor({ state: 'detached' })
  expect(await isThere()).toBe(false)
  expect(complaints).toEqual([])
  await context.close()
}, 60_000)

test('what is said on a topic is listed as it is said, and nothing that one may not hear', async () => {
  const { client } = opened.hub
  const guest = { email: 'guest@example.org', username: 'guest', password: 'correct horse battery' }
  const { user } = await client.call('POST /users', { body: guest })
  const params = { id: 'home', user_id: user.id }
  await client.call('PUT /homes/{id}/members/{user_id}', { params, body: { role: 'member' } })
  const { page, complaints, context } = await opened.visit('/topics', { signedIn: false })
  await signIn(page, guest)
  const filter = page.getByLabel('Topic filter')
  await filter.fill('#')
  await page.getByRole('button', { name: 'Listen' }).click()
  await page.getByText(/^You may not hear this/).waitFor()
  await filter.fill('homes/home/devices/meter/telemetry')
  await page.getByRole('button', { name: 'Listen' }).click()
  const heard = page.getByRole('listitem').filter({ hasText: '"litres":7' })
  // Until the hub has taken the subscription nothing is heard.
  await until(async () => {
    await say('{"litres":7}')
    return heard.first().isVisible()
  })
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('button', { name: 'Pause', pressed: true }).waitFor()
  const listed = await page.getByRole('listitem').count()
  const counted = page.getByText(/heard on/)
  const before = await counted.textContent()
  await say('{"litres":8}')
  await until(async () => (await counted.textContent()) !== before)
  expect(await page.getByRole('listitem').count()).toBe(listed)
  await heard.first().locator('summary').click()
  await page.getByText('"litres": 7').waitFor()
  expect(complaints).toEqual([])
  await context.close()
}, 60_000)

test('the figures of the hub are there, and a line of what is heard', async () => {
  const { page, complaints, context } = await opened.visit('/operations')
  await page.getByRole('region', { name: 'Storage' }).getByText('Database file').waitFor()
  await page.getByRole('region', { name: 'Broker' }).getByText('Messages in').waitFor()
  await page
    .getByRole('region', { name: 'Slowest queries' })
    .getByText(/\/api\/v1\//)
    .first()
    .waitFor()
  const jobs = page.getByRole('region', { name: 'Scheduled jobs' })
  await jobs
    .getByRole('row')
    .filter({ hasText: 'Retention' })
    .getByText(/^Well, in/)
    .waitFor()
  await page.locator('.plot canvas').waitFor({ timeout: 25_000 })
  expect(complaints).toEqual([])
  await context.close()
}, 60_000)
