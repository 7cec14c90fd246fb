import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateSettings } from '../broker/certificate.js'
import { run } from '../programs.js'
import { type Console, openConsole } from './browser.js'

let opened: Console
let tls: ReturnType<typeof certificateSettings>
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-tls-'))
  tls = certificateSettings(folder)
  opened = await openConsole(tls)
}, 60_000)
afterAll(async () => {
  await opened.close()
  await rm(dirname(tls.HEARTH_TLS_CERT), { recursive: true })
})

describe('a device is added', () => {
  test('and connects by the very snippet that is shown', async () => {
    const { page, complaints, strayed, context } = await opened.visit('/add-device')
    await page.getByLabel('Name', { exact: true }).fill('Greenhouse')
    await page.getByRole('button', { name: 'Add it and show its key' }).click()
    await page.getByRole('heading', { level: 1, name: 'Connect Greenhouse' }).waitFor()
    await page.getByText('Waiting for its first message…').waitFor()
    const snippet = page.locator('.snippet')
    expect(await run('bash', ['-c', await snippet.innerText()])).toMatchObject({ code: 0, err: '' })
    await page.getByText('Connected. Temperature: 21.5.').waitFor()
    const key = await page.locator('.secret code').innerText()
    for (const name of ['Arduino, ESP32', 'MicroPython']) {
      await page.getByRole('radio', { name }).check()
      expect(await snippet.innerText()).toContain(key)
    }
    await page.getByRole('radio', { name: 'mqtt.js' }).check()
    const program = async () => ['--input-type=module', '-e', await snippet.innerText()]
    expect(await run(process.execPath, await program())).toMatchObject({ code: 0, err: '' })
    await page.getByLabel('Encrypted (TLS)').check()
    expect(await snippet.innerText()).toContain(`mqtts://127.0.0.1:${opened.hub.hub.ports.mqtts}`)
    const trust = { NODE_EXTRA_CA_CERTS: tls.HEARTH_TLS_CERT }
    expect(await run(process.execPath, await program(), trust)).toMatchObject({ code: 0, err: '' })
    await page.getByRole('link', { name: 'To the device' }).click()
    await page.getByRole('heading', { level: 1, name: 'Greenhouse' }).waitFor()
    expect(complaints).toEqual([])
    expect(strayed).toEqual([])
    await context.close()
  })

  test('with an id that is taken, which is said at the form', async () => {
    await opened.hub.device('taken')
    const { page, context } = await opened.visit('/add-device')
    await page.getByLabel('Name', { exact: true }).fill('Another')
    await page.getByLabel('Id, for its topics').fill('taken')
    await page.getByRole('button', { name: 'Add it and show its key' }).click()
    await page.getByText('There is a device taken already.').waitFor()
    await context.close()
  })

  test('by a claim code, which is good until it is taken back', async () => {
    const { page, context } = await opened.visit('/add-device')
    await page.getByLabel('Name', { exact: true }).fill('Mailbox')
    await page.getByRole('button', { name: 'Make a claim code instead' }).click()
    const code = await page.locator('.secret code').innerText()
    await page.getByRole('img', { name: code }).waitFor()
    const { device } = await opened.hub.client.call('POST /devices/register', { body: { code } })
    expect(device.name).toBe('Mailbox')
    await page.getByRole('button', { name: 'Add another device' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Bell')
    await page.getByRole('button', { name: 'Make a claim code instead' }).click()
    const other = await page.locator('.secret code').innerText()
    await page.getByRole('button', { name: 'Take it back' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Take it back' }).click()
    await page.getByText('The code was taken back').waitFor()
    const body = { code: other }
    await expect(opened.hub.client.call('POST /devices/register', { body })).rejects.toMatchObject({
      code: 'unauthorized',
    })
    await context.close()
  })
})

test.each(['new', 'add-device', '-', '_', '0', '__proto__', 'constructor', 'a'.repeat(64)])(
  'a device with the id %s is found and opened like any other',
  async id => {
    await opened.hub.device(id, { name: `Odd ${id}` })
    const { page, complaints, context } = await opened.visit('/')
    await page.getByRole('link', { name: `Odd ${id}`, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: `Odd ${id}`, exact: true }).waitFor()
    expect(new URL(page.url()).pathname).toBe(`/devices/${id}`)
    await page.reload()
    await page.getByRole('heading', { level: 1, name: `Odd ${id}`, exact: true }).waitFor()
    await page.getByRole('region', { name: 'Keys' }).getByText('never used').waitFor()
    expect(complaints).toEqual([])
    await context.close()
  },
)

describe('the keys of a device', () => {
  test('one that is revoked cuts the device off, and a new one lets it in', async () => {
    const key = await opened.hub.device('pump', { name: 'Cellar pump' })
    const connection = await opened.hub.connect('pump', key)
    const closed = new Promise<void>(resolve => connection.once('close', () => resolve()))
    const { page, complaints, context } = await opened.visit('/devices/pump')
    await page.locator('.summary .presence-online').waitFor()
    const keys = page.getByRole('region', { name: 'Keys' })
    await keys.getByRole('button', { name: /^Revoke the key/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.locator('.summary .presence-offline').waitFor()
    await closed
    await keys.getByText('revoked').waitFor()
    await keys.getByRole('button', { name: 'Make a new key' }).click()
    const fresh = await keys.locator('.secret code').innerText()
    await opened.hub.connect('pump', fresh)
    await page.locator('.summary .presence-online').waitFor()
    await keys.getByRole('checkbox', { name: /^Revoke the other keys/ }).check()
    await keys.getByRole('button', { name: 'Make a new key' }).click()
    await page.locator('.summary .presence-offline').waitFor()
    await expect(opened.hub.connect('pump', fresh)).rejects.toThrow('Connection refused')
    expect(complaints).toEqual([])
    await context.close()
  })
})

describe('what is desired of a device, as JSON', () => {
  const params = { id: 'shutter' }
  const wish = (body: Readonly<Record<string, unknown>>) =>
    opened.hub.client.call('PATCH /devices/{id}/desired', { params, body })
  const desired = async () => (await opened.hub.client.call('GET /devices/{id}/state', { params })).state.desired

  test('is not overwritten unseen: whoever comes second is told what has changed, and chooses', async () => {
    await opened.hub.device('shutter', { name: 'Shutter' })
    await wish({ position: 10, tilt: 0 })
    const { page, complaints, context } = await opened.visit('/devices/shutter')
    await page.getByText('Change what is desired, as JSON').click()
    const text = page.getByLabel('Desired state')
    await text.fill('{"position":50,"tilt":0}')
    await wish({ position: 20, speed: 3 })
    await page.getByRole('button', { name: 'Wish for it', exact: true }).click()
    await page.getByText('position: was 10, is now 20').waitFor()
    await page.getByText('speed: was not there, is now 3').waitFor()
    expect(await desired()).toEqual({ position: 20, speed: 3, tilt: 0 })
    await wish({ position: 30 })
    await page.getByRole('button', { name: 'Wish for it all the same' }).click()
    await page.getByText('position: was 10, is now 30').waitFor()
    await page.getByRole('button', { name: 'Wish for it all the same' }).click()
    await page.getByRole('button', { name: 'Wish for it', exact: true }).waitFor()
    expect(await desired()).toEqual({ position: 50, speed: 3, tilt: 0 })

    await text.fill('{"position":0,"speed":3,"tilt":0}')
    await wish({ tilt: 5 })
    await page.getByRole('button', { name: 'Wish for it', exact: true }).click()
    await page.getByRole('button', { name: 'Begin anew with what is desired now' }).click()
    await page.getByRole('button', { name: 'Wish for it', exact: true }).waitFor()
    expect(JSON.parse(await text.inputValue())).toEqual({ position: 50, speed: 3, tilt: 5 })
    expect(complaints).toEqual([])
    await context.close()
  })
})

describe('the settings of a device', () => {
  test('name and room are changed, and it is deleted when its name was typed', async () => {
    const { client } = opened.hub
    await client.call('POST /homes/{id}/rooms', { params: { id: 'home' }, body: { name: 'Attic' } })
    await opened.hub.device('fan', { name: 'Fan' })
    const { page, complaints, context } = await opened.visit('/devices/fan')
    const settings = page.getByRole('region', { name: 'Settings of this device' })
    await settings.getByLabel('Name', { exact: true }).fill('Attic fan')
    await settings.getByRole('combobox', { name: 'Room' }).selectOption({ label: 'Attic' })
    await settings.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'Attic fan' }).waitFor()
    await page.locator('.summary').getByText('Attic', { exact: true }).waitFor()
    await settings.getByRole('button', { name: /^Delete/ }).click()
    const dialog = page.getByRole('dialog')
    const sure = dialog.getByRole('button', { name: 'Delete', exact: true })
    expect(await sure.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('Attic fan')
    await sure.click()
    await page.getByText('no open alerts').waitFor()
    const asked = client.call('GET /devices/{id}', { params: { id: 'fan' } })
    await expect(asked).rejects.toMatchObject({ code: 'not_found' })
    expect(complaints).toEqual([])
    await context.close()
  })
})
