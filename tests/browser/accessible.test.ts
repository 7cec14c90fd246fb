import { readFileSync } from 'node:fs'
import type { AxeResults } from 'axe-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, simulate } from '../../simulators/fleet.js'
import { clipOf } from '../../simulators/sound/sounds.js'
import { wavOf } from '../../simulators/sound/wav.js'
import { upload } from '../audio/uploading.js'
import { type Console, openConsole, type Visit } from './browser.js'

const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

let opened: Console
let fleet: Fleet
beforeAll(async () => {
  opened = await openConsole()
  const { hub } = opened
  const api_key = await hub.device('light', { name: 'Porch light', type: 'light' })
  fleet = await simulate({
    url: hub.mqtt_url,
    credentials: [{ id: 'light', api_key }],
    model: 'light',
    interval_ms: 500,
  })
  await hub.client.post('/devices/light/commands?wait=5', { name: 'set_power', params: { power: 'on' } })
  for (const severity of ['critical', 'warning', 'info'])
    await hub.client.post('/alerts', { device_id: 'light', severity, message: `This is ${severity}` })
  await hub.client.post('/tokens', { name: 'Node-RED', subscribe: ['homes/home/#'] })
  const clumsy = await hub.connect('clumsy', await hub.device('clumsy'))
  await clumsy.publishAsync('devices/clumsy/telemetry', '{"broken', { qos: 1 })
  const { alert } = await hub.client.post<{ alert: { id: string } }>('/alerts', {
    home_id: 'home',
    severity: 'minor',
    message: 'This is over',
  })
  await hub.client.post(`/alerts/${alert.id}/close`)
  const condition = {
    all: [
      { type: 'threshold', field: 'level', above: 90 },
      { type: 'no_data', seconds: 60 },
    ],
  } as const
  const active_hours = { from: '22:00', to: '07:00' }
  await hub.client.call('POST /alert-rules', {
    body: { device_id: 'light', name: 'Too bright', condition, active_hours },
  })
  const ntfy = { kind: 'ntfy', name: 'Telephone', server: 'https://ntfy.example', topic: 'home' } as const
  const { contact } = await hub.client.call('POST /settings/contacts', { body: ntfy })
  const { notification } = await hub.client.call('POST /settings/contacts/{id}/test', { params: { id: contact.id } })
  const dead = { status: 'dead', settled_at: Date.now(), next_at: null } as const
  await hub.hub.store.db.updateTable('notifications').set(dead).where('id', '=', notification.id).execute()
  await upload({ url: hub.http_url, api_key }, wavOf(clipOf('smoke_alarm', 1, 13)))
  await hub.client.call('POST /homes/{id}/rooms', { params: { id: 'home' }, body: { name: 'Hall' } })
  const { group } = await hub.client.call('POST /groups', { body: { name: 'Lights' } })
  const params = { id: group.id, device_id: 'light' }
  await hub.client.call('POST /groups/{id}/devices/{device_id}', { params })
}, 60_000)
afterAll(async () => {
  await fleet.stop()
  await opened.close()
})

/** Each view, and what is there when it is whole. */
const views: Readonly<Record<string, { path: string; whole: ({ page }: Visit) => Promise<void> }>> = {
  overview: { path: '/', whole: ({ page }) => page.getByRole('link', { name: 'Porch light' }).first().waitFor() },
  device: {
    path: '/devices/light',
    whole: async ({ page }) => {
      await page.locator('.plot canvas').waitFor()
      await page.locator('.lines summary').first().click()
      await page.getByText('Queued').waitFor()
    },
  },
  alerts: { path: '/alerts', whole: ({ page }) => page.getByText('This is over').waitFor() },
  'an alert that is closed': {
    path: '/alerts',
    whole: async ({ page }) => {
      await page.getByRole('button', { name: /^Close : This is critical/ }).click()
      await page.getByRole('dialog').waitFor()
    },
  },
  'a new home': { path: '/add-home', whole: ({ page }) => page.getByLabel('Time zone').waitFor() },
  people: { path: '/people', whole: ({ page }) => page.getByRole('button', { name: 'Add to this home' }).waitFor() },
  'my account': { path: '/account', whole: ({ page }) => page.getByLabel('New password').waitFor() },
  tokens: { path: '/tokens', whole: ({ page }) => page.getByRole('button', { name: /^Revoke/ }).waitFor() },
  quarantine: {
    path: '/quarantine',
    whole: async ({ page }) => {
      await page.locator('.lines summary').first().click()
      await page.getByLabel('Payload').waitFor()
    },
  },
  audit: {
    path: '/audit',
    whole: async ({ page }) => {
      await page.locator('.lines summary').first().click()
      await page.locator('.facts').waitFor()
    },
  },
  operations: {
    path: '/operations',
    whole: ({ page }) => page.getByRole('button', { name: 'Send again to Telephone' }).waitFor(),
  },
  topics: {
    path: '/topics',
    whole: async ({ page }) => {
      await page.locator('.lines summary').first().click()
      await page.locator('.payload').waitFor()
    },
  },
  'an alert': {
    path: '/alerts',
    whole: async ({ page }) => {
      await page.getByRole('link', { name: 'This is critical' }).click()
      await page.getByText('Raised', { exact: true }).waitFor()
    },
  },
  settings: { path: '/settings', whole: ({ page }) => page.getByRole('link', { name: 'Rules' }).waitFor() },
  rules: { path: '/rules', whole: ({ page }) => page.getByRole('link', { name: 'Too bright' }).waitFor() },
  'a new rule': {
    path: '/rules/new',
    whole: ({ page }) => page.getByRole('button', { name: 'Make the rule' }).waitFor(),
  },
  'a rule': {
    path: '/rules',
    whole: async ({ page }) => {
      await page.getByRole('link', { name: 'Too bright' }).click()
      await page.getByRole('button', { name: 'Try it' }).click()
      await page.getByText(/^It would/).waitFor()
      await page.getByRole('button', { name: 'Delete the rule' }).click()
    },
  },
  contacts: {
    path: '/contacts',
    whole: async ({ page }) => {
      await page.getByRole('checkbox', { name: /^Quiet hours/ }).check()
      await page.getByText('Change', { exact: false }).first().click()
    },
  },
  recordings: {
    path: '/recordings',
    whole: async ({ page }) => {
      await page.getByText(/^Heard: Smoke alarm/).waitFor()
      await page.getByText('Sound and measures').click()
      await page.getByRole('img', { name: /^Waveform/ }).waitFor()
    },
  },
  detectors: { path: '/detectors', whole: ({ page }) => page.getByRole('heading', { name: 'Glass break' }).waitFor() },
  'the end of a device': {
    path: '/devices/light',
    whole: ({ page }) => page.getByRole('button', { name: 'Delete Porch light' }).click(),
  },
  'a new device': {
    path: '/add-device',
    whole: ({ page }) => page.getByRole('button', { name: 'Make a claim code instead' }).waitFor(),
  },
  'how a new device connects': {
    path: '/add-device',
    whole: async ({ page }) => {
      await page.getByLabel('Name', { exact: true }).fill('Greenhouse')
      await page.getByRole('button', { name: 'Add it and show its key' }).click()
      await page.getByText('Waiting for its first message…').waitFor()
    },
  },
  'a claim code': {
    path: '/add-device',
    whole: async ({ page }) => {
      await page.getByLabel('Name', { exact: true }).fill('Mailbox')
      await page.getByRole('button', { name: 'Make a claim code instead' }).click()
      await page.getByRole('img', { name: 'QR code' }).waitFor()
    },
  },
  groups: { path: '/groups', whole: ({ page }) => page.getByRole('link', { name: 'Lights' }).waitFor() },
  'a group': {
    path: '/groups',
    whole: async ({ page }) => {
      await page.getByRole('link', { name: 'Lights' }).click()
      await page.getByLabel('Command').fill('set_power')
      await page.getByRole('button', { name: 'Send to all' }).click()
      await page.getByText('of 1').waitFor()
    },
  },
  'a home': { path: '/homes/home', whole: ({ page }) => page.getByRole('button', { name: 'Rename Hall' }).waitFor() },
  'an address that is none': {
    path: '/nowhere',
    whole: ({ page }) => page.getByText('There is nothing here').waitFor(),
  },
}

const violations = async ({ page, context }: Visit) => {
  await page.evaluate(axe)
  const found: AxeResults = await page.evaluate('axe.run()')
  await context.close()
  return found.violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html) }))
}

describe.each([false, true])('axe finds nothing, dark: %s', dark => {
  test('signing in', async () => {
    const visit = await opened.visit('/', { signedIn: false, dark })
    await visit.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await violations(visit)).toEqual([])
  })

  test.each(Object.keys(views))('%s', async name => {
    const { path = '', whole } = views[name] ?? {}
    const visit = await opened.visit(path, { dark })
    await whole?.(visit)
    expect(await violations(visit)).toEqual([])
  })
})
