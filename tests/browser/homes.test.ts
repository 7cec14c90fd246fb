import { afterAll, beforeAll, expect, test } from 'vitest'
import { simulate } from '../../simulators/fleet.js'
import { until } from '../helper.js'
import { type Console, openConsole } from './browser.js'

let opened: Console
beforeAll(async () => {
  opened = await openConsole()
}, 60_000)
afterAll(() => opened.close())

test('a home is added, and deleted when nothing is in it', async () => {
  const { page, complaints, context } = await opened.visit('/')
  await page.getByRole('link', { name: 'Add a home' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Allotment')
  await page.getByLabel('Time zone').fill('Europe/Vienna')
  await page.getByRole('button', { name: 'Add it' }).click()
  await page.getByRole('heading', { level: 1, name: 'Allotment' }).waitFor()
  const made = async () => (await opened.hub.client.call('GET /homes')).homes.find(({ name }) => name === 'Allotment')
  expect(await made()).toMatchObject({ timezone: 'Europe/Vienna' })
  await page.getByRole('button', { name: 'Delete Allotment' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill('Allotment')
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Home', exact: true }).waitFor()
  expect(await made()).toBeUndefined()
  expect(complaints).toEqual([])
  await context.close()
})

test('a home has its rooms and its time changed', async () => {
  const { client } = opened.hub
  const params = { id: 'home' }
  const { page, complaints, context } = await opened.visit('/homes/home')
  const rooms = page.getByRole('region', { name: 'Rooms' })
  await rooms.getByLabel('Name of a new room').fill('Attic')
  await rooms.getByRole('button', { name: 'Add the room' }).click()
  await rooms.getByRole('button', { name: 'Rename Attic' }).click()
  await rooms.getByLabel('New name of Attic').fill('Loft')
  await rooms.getByRole('button', { name: 'Rename', exact: true }).click()
  await rooms.getByRole('button', { name: 'Delete Loft' }).waitFor()
  const named = async () => (await client.call('GET /homes/{id}/rooms', { params })).rooms.map(({ name }) => name)
  expect(await named()).toEqual(['Loft'])
  await rooms.getByRole('button', { name: 'Delete Loft' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await rooms.getByText('This home has no rooms yet.').waitFor()
  expect(await named()).toEqual([])
  const settings = page.getByRole('region', { name: 'Settings' })
  await settings.getByLabel('Time zone').fill('Mars/Olympus')
  await settings.getByRole('button', { name: 'Save' }).click()
  await settings.getByText('is no IANA time zone').waitFor()
  await settings.getByLabel('Time zone').fill('Asia/Kathmandu')
  await settings.getByLabel('Single fields').fill('energy: raw=forever')
  await settings.getByRole('button', { name: 'Save' }).click()
  await settings.getByText('Saved.').waitFor()
  const { home } = await client.call('GET /homes/{id}', { params })
  expect(home).toMatchObject({ timezone: 'Asia/Kathmandu', retention_fields: { energy: 'raw=forever' } })
  expect(complaints).toEqual([])
  await context.close()
})

test('a group is made, and all its devices are told the same', async () => {
  const credentials = await Promise.all(
    ['porch', 'hall'].map(async id => ({ id, api_key: await opened.hub.device(id, { name: `${id} light` }) })),
  )
  const fleet = await simulate({ url: opened.hub.mqtt_url, credentials, model: 'light', interval_ms: 500 })
  const { page, complaints, context } = await opened.visit('/groups')
  await page.getByLabel('Name', { exact: true }).fill('Lights')
  await page.getByRole('button', { name: 'Make the group' }).click()
  await page.getByRole('heading', { level: 1, name: 'Lights' }).waitFor()
  for (const name of ['porch light', 'hall light']) {
    const box = page.getByRole('checkbox', { name })
    await box.click()
    await until(async () => (await box.isChecked()) && (await box.getAttribute('aria-disabled')) !== 'true')
  }
  await page.getByLabel('Command').fill('set_power')
  await page.getByLabel('Parameters, as JSON').fill('{"power":"on"}')
  await page.getByRole('button', { name: 'Send to all' }).click()
  await page.getByText('2 succeeded of 2').waitFor()
  expect(complaints).toEqual([])
  await context.close()
  await fleet.stop()
})
