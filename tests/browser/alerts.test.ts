import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipOf } from '../../simulators/sound/sounds.js'
import { wavOf } from '../../simulators/sound/wav.js'
import { upload } from '../audio/uploading.js'
import { until } from '../helper.js'
import { startReceiver } from '../notifications/receiver.js'
import { type Console, openConsole } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole({ HEARTH_OUTBOUND_ALLOW: '127.0.0.1' })
}, 60_000)
afterAll(() => opened.close())

/** A device that says temperatures. */
async function thermometer(id: string, name: string) {
  const connection = await opened.hub.connect(id, await opened.hub.device(id, { name }))
  return (message: object) => connection.publishAsync(`devices/${id}/telemetry`, JSON.stringify(message), { qos: 1 })
}

/** Whether anything is on the drawing of a sound. */
const isDrawn = `(() => {
  const canvas = document.querySelector('.waveform')
  return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte > 0)
})()`

const condition = { type: 'threshold', field: 'temperature', above: -10 } as const

describe('a rule', () => {
  test('is made, is broken, and its alert appears live, is acknowledged and spoken of', async () => {
    const say = await thermometer('freezer', 'Freezer')
    await say({ temperature: -18 })
    const { page, complaints, strayed, context } = await opened.visit('/settings')
    await page.getByRole('link', { name: 'Rules' }).click()
    await page.getByRole('link', { name: 'Make a rule' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Thawing')
    await page.getByRole('combobox', { name: 'Severity' }).selectOption('critical')
    await page.getByRole('combobox', { name: 'Reading' }).fill('temperature')
    await page.getByRole('spinbutton', { name: 'Limit' }).fill('-10')
    await page.getByRole('textbox', { name: /^Words of the alert/ }).fill('{device} thaws at {value}')
    await page.getByRole('button', { name: 'Make the rule' }).click()
    await page.getByRole('link', { name: 'Thawing' }).waitFor()
    await page.getByText('Temperature is above -10').waitFor()
    await page.getByRole('link', { name: /^Alerts/ }).click()
    await page.getByText('No alert is open.').waitFor()
    await say({ temperature: -4 })
    const card = page.getByRole('listitem').filter({ hasText: 'Freezer thaws at -4' })
    await card.getByRole('button', { name: 'Acknowledge' }).click()
    await card.getByText('Acknowledged', { exact: true }).waitFor()
    await card.getByRole('link', { name: 'Freezer thaws at -4' }).click()
    await page.getByRole('textbox', { name: 'Comment' }).fill('The door stood open')
    await page.getByRole('button', { name: 'Say it' }).click()
    const steps = page.getByRole('region', { name: 'What became of it' }).getByRole('listitem')
    await steps.filter({ hasText: 'The door stood open' }).waitFor()
    expect(await steps.filter({ hasText: /^AcknowledgedYou/ }).count()).toBe(1)
    expect(complaints).toEqual([])
    expect(strayed).toEqual([])
    await context.close()
  })

  test('says when it would have fired, is switched off, and deleted once one is sure', async () => {
    const say = await thermometer('chest', 'Chest freezer')
    const now = Date.now()
    const values = [-18, -4, -18, -3, -18]
    await say(values.map((temperature, i) => ({ ts: now - (50 - 10 * i) * 60_000, values: { temperature } })))
    const { client } = opened.hub
    const { rule } = await client.call('POST /alert-rules', {
      body: { device_id: 'chest', name: 'Warm chest', condition },
    })
    const { page, complaints, context } = await opened.visit(`/rules/${rule.id}`)
    await page.getByRole('button', { name: 'Try it' }).click()
    await page.getByText('It would have been raised 2 times').waitFor()
    await page.locator('.plot canvas').waitFor()
    await page.getByRole('spinbutton', { name: 'Limit' }).fill('0')
    await page.getByRole('button', { name: 'Try it' }).click()
    await page.getByText('It would not have been raised').waitFor()
    await page.getByRole('link', { name: 'All rules' }).click()
    const line = page.getByRole('listitem').filter({ hasText: 'Warm chest' })
    await line.getByRole('checkbox').click()
    await line.getByText('Off', { exact: true }).waitFor()
    expect((await client.call('GET /alert-rules/{id}', { params: { id: rule.id } })).rule.enabled).toBe(false)
    await line.getByRole('link', { name: 'Warm chest' }).click()
    await page.getByRole('button', { name: 'Delete the rule' }).click()
    const question = page.getByRole('dialog', { name: 'Delete Warm chest?' })
    await question.getByRole('button', { name: 'Delete the rule' }).click()
    await page.getByRole('heading', { level: 1, name: 'Rules' }).waitFor()
    await line.waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await context.close()
  })
})

test('a contact is made, tells its secret once and takes a test; the policy keeps what is written', async () => {
  const receiver = await startReceiver()
  const { page, complaints, context } = await opened.visit('/contacts')
  const made = page.getByRole('region', { name: 'Tell somebody else' })
  await made.getByRole('textbox', { name: 'Name' }).fill('Doorbell')
  await made.getByRole('textbox', { name: 'Address to post to' }).fill(receiver.url)
  await made.getByRole('button', { name: 'Make the contact' }).click()
  await made.getByText(/whsec_/).waitFor()
  const contact = page.getByRole('listitem').filter({ hasText: 'Doorbell' })
  await contact.getByRole('button', { name: /^Send a test/ }).click()
  await contact.getByText(/^The test was taken/).waitFor()
  expect(receiver.received).toHaveLength(1)
  await page.getByRole('checkbox', { name: /^Quiet hours/ }).check()
  await page.getByRole('checkbox', { name: /^Those who were told/ }).uncheck()
  await page.getByRole('button', { name: 'Keep the policy' }).click()
  await page.getByText('It is kept, and holds from now on.').waitFor()
  const { policies } = await opened.hub.client.call('GET /settings/policies')
  expect(policies[0]).toMatchObject({
    quiet_hours: { from: '22:00', to: '07:00', passes: 'critical' },
    tell_closed: false,
  })
  expect(complaints).toEqual([])
  await context.close()
})

test('a recording appears as it is listened to, and its sound is drawn', async () => {
  const { hub } = opened
  const api_key = await hub.device('mic', { name: 'Hall microphone' })
  const { page, complaints, strayed, context } = await opened.visit('/recordings')
  await page.getByText('Nothing was recorded yet.').waitFor()
  await upload({ url: hub.http_url, api_key }, wavOf(clipOf('smoke_alarm', 1, 13)))
  const line = page.getByRole('listitem').filter({ hasText: 'Hall microphone' })
  await line.getByText(/^Heard: Smoke alarm/).waitFor()
  await line.getByText('Sound and measures').click()
  await line.getByRole('img', { name: /^Waveform/ }).waitFor()
  await until(() => page.evaluate<boolean>(isDrawn))
  expect(complaints).toEqual([])
  expect(strayed).toEqual([])
  await context.close()
})

test('what a home listens for is changed', async () => {
  const { page, complaints, context } = await opened.visit('/detectors')
  const panel = page.getByRole('region', { name: 'Glass break' })
  await panel.getByRole('spinbutton', { name: 'Rise db' }).fill('14')
  await panel.getByRole('button', { name: /^Keep/ }).click()
  await panel.getByText('It is kept.').waitFor()
  const { models } = await opened.hub.client.call('GET /model-config', { query: { home_id: 'home' } })
  expect(models.find(({ model_key }) => model_key === 'glass_break')?.thresholds).toMatchObject({ rise_db: 14 })
  await panel.getByRole('button', { name: /^Back to its own/ }).click()
  await until(async () => (await panel.getByRole('spinbutton', { name: 'Rise db' }).inputValue()) === '10')
  expect(complaints).toEqual([])
  await context.close()
})
