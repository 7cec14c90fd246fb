import mqtt, { type IClientOptions } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson, type Person } from '../people/person.js'

let hub: TestHub
let owner: Person
let anybody: HearthClient
beforeAll(async () => {
  hub = await startHub()
  anybody = new HearthClient({ url: hub.http_url })
  owner = await newPerson(hub)
  await owner.client.post('/homes', { id: 'flat', name: 'Flat' })
})
afterAll(() => hub.close())

interface Made {
  readonly claim: { readonly id: string }
  readonly code: string
  readonly qr_svg: string
}
const newCode = (wanted: object = {}) => owner.client.post<Made>('/homes/flat/claim-codes', wanted)
const register = (body: object) =>
  anybody.post<{ device: { id: string; home_id: string; name: string }; api_key: string }>('/devices/register', body)
const connect = (code: string, options: IClientOptions = {}) =>
  mqtt.connectAsync(hub.mqtt_url, {
    clientId: '',
    username: 'provision',
    password: code,
    reconnectPeriod: 0,
    ...options,
  })

test('an owner makes a code, as text and as a QR code; a device exchanges it once over HTTP for a key that works', async () => {
  const { code, qr_svg } = await newCode({ name: 'Porch' })
  expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/)
  expect(qr_svg).toMatch(/^<svg .*<\/svg>$/s)
  // However somebody typed it.
  const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')
  const { device, api_key } = await register({ code: typed, name: 'ignored', type: 'light' })
  expect(device).toMatchObject({ home_id: 'flat', name: 'Porch', type: 'light' })
  const porch = await hub.connect(device.id, api_key)
  await porch.publishAsync(`devices/${device.id}/telemetry`, '{"a":1}', { qos: 1 })
  await expect(register({ code })).rejects.toMatchObject({ code: 'unauthorized' })
})

test('a device exchanges one over MQTT, hears the answer alone, and connects with its key', async () => {
  const { code } = await newCode()
  const spy = await hub.listen('#')
  const device = await connect(code)
  const answers: { device_id: string; api_key: string; error?: string }[] = []
  device.on(
    'message',
    (topic, payload) => topic === 'provision/response' && answers.push(JSON.parse(payload.toString())),
  )
  await device.subscribeAsync('provision/response')
  await device.publishAsync('provision/request', '{"name":"Heater","type":"heater"}', { qos: 1 })
  const { device_id, api_key } = await until(() => answers[0])
  await device.publishAsync('provision/request', '{}', { qos: 1 })
  expect(await until(() => answers[1])).toMatchObject({ error: 'unauthorized' })
  await device.endAsync()
  const heater = await hub.connect(device_id, api_key)
  await heater.publishAsync(`devices/${device_id}/telemetry`, '{"a":1}', { qos: 1 })
  await spy.next(({ topic }) => topic.endsWith(`${device_id}/telemetry`))
  expect(spy.messages.filter(({ payload, topic }) => payload.includes('hk_') || topic.includes('provision'))).toEqual(
    [],
  )
  expect(await owner.client.get(`/devices/${device_id}`)).toMatchObject({ device: { name: 'Heater', home_id: 'flat' } })
})

test('a code that was used cannot be taken back: its device has its key', async () => {
  const { claim, code } = await newCode()
  const { device } = await register({ code })
  await expect(owner.client.delete(`/homes/flat/claim-codes/${claim.id}`)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(device.id),
  })
})

test('of a hundred that exchange one code at once, one gets a key', async () => {
  const { code } = await newCode()
  const answers = await Promise.allSettled(Array.from({ length: 100 }, () => register({ code })))
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('a code that was taken back, has ended or never was lets nobody in, and a claimant may say and hear nothing else', async () => {
  const { claim, code } = await newCode()
  await owner.client.delete(`/homes/flat/claim-codes/${claim.id}`)
  for (const wrong of [code, '0000-0000-0000']) {
    await expect(register({ code: wrong })).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(connect(wrong)).rejects.toMatchObject({ code: 4 })
  }
  const other = await newCode()
  await hub.hub.store.db
    .updateTable('claim_codes')
    .set({ expires_at: Date.now() - 1 })
    .where('id', '=', other.claim.id)
    .execute()
  await expect(register({ code: other.code })).rejects.toMatchObject({ code: 'unauthorized' })

  const good = await newCode()
  const claimant = await connect(good.code)
  const granted = await new Promise(resolve =>
    claimant.subscribe(
      ['#', 'provision/#', 'homes/flat/#', 'devices/x/commands', 'provision/response'],
      (_e, _g, packet) => resolve(packet?.granted),
    ),
  )
  expect(granted).toEqual([128, 128, 128, 128, 0])
  const closed = new Promise(resolve => claimant.once('close', () => resolve('closed')))
  claimant.publish('homes/flat/devices/x/telemetry', '{}', { qos: 1 })
  expect(await closed).toBe('closed')
})

test('a person registers devices in scripts by the same route', async () => {
  expect(await owner.client.post('/devices/register', { name: 'scripted' })).toMatchObject({
    device: { home_id: 'flat' },
  })
  await expect(anybody.post('/devices/register', { name: 'x' })).rejects.toMatchObject({ code: 'unauthorized' })
  await expect(owner.client.post('/devices/register', {})).rejects.toMatchObject({ code: 'invalid_request' })
})

test('a key that was made while its device was deleted opens nothing, not even another device of that id', async () => {
  const key = await hub.device('reborn', { home_id: 'home' })
  const sensor = await hub.connect('reborn', key)
  const { num } = await hub.hub.store.db
    .selectFrom('devices')
    .select('num')
    .where('id', '=', 'reborn')
    .executeTakeFirstOrThrow()
  // Enough to be deleted in many steps.
  for (let at = 0; at < 40; at++) {
    const batch = Array.from({ length: 1000 }, (_, i) => ({ ts: 1_767_225_600_000 + at * 1000 + i, data: { i } }))
    await sensor.publishAsync('devices/reborn/telemetry', JSON.stringify(batch), { qos: 1 })
  }
  expect(num).toBeGreaterThan(0)
  const keys: string[] = []
  let over = false
  const deleted = hub.client.delete('/devices/reborn').finally(() => {
    over = true
  })
  while (!over) {
    const made = await hub.client.post<{ api_key: string }>('/devices/reborn/keys').catch(() => null)
    if (!made) continue
    keys.push(made.api_key)
    await new HearthClient({ url: hub.http_url, api_key: made.api_key }).get('/devices/status').catch(() => undefined)
    hub.connect('reborn', made.api_key).catch(() => undefined)
  }
  await deleted
  expect(keys.length).toBeGreaterThan(0)
  await hub.device('reborn', { home_id: 'flat' })
  for (const api_key of keys) {
    const client = new HearthClient({ url: hub.http_url, api_key })
    await expect(client.get('/devices/status')).rejects.toMatchObject({ code: 'unauthorized' })
  }
  await until(async () => {
    const { device } = await hub.client.get<{ device: { connected: boolean } }>('/devices/reborn')
    return !device.connected
  })
})
