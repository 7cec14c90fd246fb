import { readFileSync } from 'node:fs'
import type { AxeResults } from 'axe-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, simulate } from '../../simulators/fleet.js'
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
  const { alert } = await hub.client.post<{ alert: { id: string } }>('/alerts', {
    home_id: 'home',
    severity: 'minor',
    message: 'This is over',
  })
  await hub.client.post(`/alerts/${alert.id}/close`)
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
  'the end of a device': {
    path: '/devices/light',
    whole: ({ page }) => page.getByRole('button', { name: 'Delete Porch light' }).click(),
  },
  'a new device': {
    path: '/devices/new',
    whole: ({ page }) => page.getByRole('button', { name: 'Make a claim code instead' }).waitFor(),
  },
  'how a new device connects': {
    path: '/devices/new',
    whole: async ({ page }) => {
      await page.getByLabel('Name', { exact: true }).fill('Greenhouse')
      await page.getByRole('button', { name: 'Add it and show its key' }).click()
      await page.getByText('Waiting for its first message…').waitFor()
    },
  },
  'a claim code': {
    path: '/devices/new',
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
