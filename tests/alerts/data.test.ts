import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'

const most = 16 * 1024
/** So many bytes as JSON. */
const sized = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) })
const bytesOf = (data: unknown) => Buffer.byteLength(JSON.stringify(data))

interface Shown {
  readonly id: string
  readonly data: unknown
}

let hub: TestHub
let sensor: MqttClient
beforeEach(async () => {
  hub = await startHub()
  sensor = await hub.connect('sensor', await hub.device('sensor'))
})
afterEach(() => hub.close())

const alerts = async () => (await hub.client.get<{ alerts: Shown[] }>('/alerts')).alerts
const say = (rest: string, said: object) =>
  sensor.publishAsync(`devices/sensor/${rest}`, JSON.stringify(said), { qos: 1 })
const alert = (data: object) => ({ severity: 'minor', message: 'Loud', data })

test('what a device says of an alert beside its words has a bound; beyond it the message is quarantined', async () => {
  await say('alert/fits', alert(sized(most)))
  await say('alert/not', alert(sized(most + 1)))
  expect((await alerts()).map(({ data }) => bytesOf(data))).toEqual([most])
  const { quarantine } = await hub.client.get<{ quarantine: object[] }>('/devices/sensor/quarantine')
  const message = `data: larger than ${most} bytes`
  expect(quarantine).toMatchObject([{ topic: 'alert/not', reason: 'invalid_payload', message }])
})

test('what people say of one has the same bound, in bytes', async () => {
  const raise = (data: object) => hub.client.post<{ alert: Shown }>('/alerts', { device_id: 'sensor', ...alert(data) })
  expect(bytesOf((await raise(sized(most))).alert.data)).toBe(most)
  const details = [`body/data: larger than ${most} bytes`]
  const refused = { code: 'invalid_request', details }
  await expect(raise(sized(most + 1))).rejects.toMatchObject(refused)
  await expect(raise({ text: 'ö'.repeat(most / 2) })).rejects.toMatchObject(refused)
  expect(await alerts()).toHaveLength(1)
})

test('of what a device said at length the alert of a rule has the beginning', async () => {
  const condition = { type: 'threshold', field: 't', not_equals: 'fine' }
  await hub.client.post('/alert-rules', { home_id: 'home', name: 'odd', condition })
  await say('telemetry', { t: 'x'.repeat(200_000) })
  const [raised] = await until(async () => ((await alerts()).length > 0 ? alerts() : null))
  expect(raised?.data).toEqual({ reason: expect.stringMatching(/^t is x{500}/), values: { t: 'x'.repeat(64) } })
})

test('alerts that older hubs took with more are still there whole', async () => {
  await say('alert/old', alert({}))
  const [{ id } = { id: '' }] = await alerts()
  const data = sized(200_000)
  await hub.hub.store.db.updateTable('alerts').set({ data }).where('id', '=', id).execute()
  expect((await hub.client.get<{ alert: Shown }>(`/alerts/${id}`)).alert.data).toEqual(data)
  hub = await hub.restart()
  const heard = await hub.listen('homes/+/alerts/+')
  const { payload } = await heard.next(one => one.retain)
  expect(JSON.parse(payload).alert).toMatchObject({ id, data })
})
