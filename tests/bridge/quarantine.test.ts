import { gzipSync } from 'node:zlib'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let device: MqttClient
const errors: { topic: string; error: string; message: string; quarantine_id: string }[] = []

beforeAll(async () => {
  hub = await startHub()
  device = await hub.connect('q', await hub.device('q'))
  device.on('message', (_, payload) => errors.push(JSON.parse(payload.toString())))
  await device.subscribeAsync('devices/q/errors', { qos: 1 })
})
afterAll(() => hub.close())

interface Quarantined {
  readonly id: string
  readonly topic: string
  readonly reason: string
  readonly payload_text: string
  readonly replayed_at: number | null
}
const one = (id: string) => hub.client.get<{ quarantined: Quarantined }>(`/ops/quarantine/${id}`)

const nested = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`
const wide = `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`).join()}}`
const attacks: [string, string | Buffer][] = [
  ['JSON 10,000 deep', nested],
  ['20,000 keys', wide],
  ['1e999', '{"a":1e999}'],
  ['NaN', '{"a":NaN}'],
  ['a key twice', '{"a":1,"a":2}'],
  ['__proto__', '{"__proto__":{"polluted":1}}'],
  ['constructor.prototype', '{"constructor":{"prototype":{"polluted":1}},"a":[1]}'],
  ['a lone surrogate', Buffer.from('{"a":"\\ud800"}')],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ['gzip', gzipSync('{"a":1}')],
  ['half a message', '{"temperature":'],
  ['nothing', ''],
  ['an array of nothing', '[[]]'],
]

describe('what cannot be understood is acknowledged, kept, and explained to the device', () => {
  test.each(attacks)('%s', async (_, payload) => {
    const before = errors.length
    await device.publishAsync('devices/q/telemetry', payload, { qos: 1 })
    const told = await until(() => errors[before])
    expect(told).toMatchObject({ topic: 'telemetry', error: 'invalid_payload', message: expect.any(String) })
    expect((await one(told.quarantine_id)).quarantined).toMatchObject({ topic: 'telemetry', reason: 'invalid_payload' })
    expect(Object.prototype).not.toHaveProperty('polluted')
    expect(device.connected).toBe(true)
  })

  test.each(['heartbeat', 'state', 'hello', 'log', 'alert/leak', 'commands/result'])('on %s too', async topic => {
    const before = errors.length
    await device.publishAsync(`devices/q/${topic}`, '[1,2', { qos: 1 })
    expect(await until(() => errors[before])).toMatchObject({ topic, error: 'invalid_payload' })
  })

  test('a topic below its own prefix that the contract does not have', async () => {
    const before = errors.length
    await device.publishAsync('devices/q/weather', '{"a":1}', { qos: 1 })
    expect(await until(() => errors[before])).toMatchObject({ topic: 'weather', error: 'unknown_topic' })
  })
})

test('a byte-order mark is no reason to refuse', async () => {
  await device.publishAsync('devices/q/telemetry', `\ufeff{"bom":1}`, { qos: 1 })
  const { latest } = await hub.client.get<{ latest: object }>('/telemetry/q/latest')
  const { quarantine: messages } = await hub.client.get<{ quarantine: Quarantined[] }>(
    '/ops/quarantine?device_id=q&limit=1',
  )
  // Either is a clear answer; nothing is lost.
  expect('bom' in latest || messages[0]?.payload_text.includes('bom')).toBe(true)
})

test('a message that is replayed and still bad stays as it is, and no copy of it is kept', async () => {
  const list = async () =>
    (await hub.client.get<{ quarantine: Quarantined[] }>('/ops/quarantine?device_id=q&limit=1000')).quarantine
  const before = await list()
  const { quarantine_id: id = '' } = errors.find(({ topic }) => topic === 'telemetry') ?? {}
  for (const payload of ['{"worse":', nested])
    await expect(hub.client.post(`/ops/quarantine/${id}/replay`, { payload })).rejects.toMatchObject({
      code: 'invalid_payload',
      details: [expect.any(String), `quarantine_id: ${id}`],
    })
  expect(await list()).toEqual(before)
})

test('the list has them all, the newest first, and one that was mended can be replayed', async () => {
  const { quarantine: messages } = await hub.client.get<{ quarantine: Quarantined[] }>(
    '/ops/quarantine?device_id=q&limit=1000',
  )
  expect(messages.length).toBe(errors.length)
  const broken = errors.find(({ message, topic }) => topic === 'telemetry' && message !== '')
  const id = broken?.quarantine_id ?? ''
  const heard = await hub.listen('homes/home/devices/q/telemetry')
  await hub.client.post(`/ops/quarantine/${id}/replay`, { payload: '{"mended":7}' })
  await heard.next(({ payload }) => payload === '{"mended":7}')
  const { latest } = await hub.client.get<{ latest: { mended?: { value: number } } }>('/telemetry/q/latest')
  expect(latest.mended?.value).toBe(7)
  expect((await one(id)).quarantined.replayed_at).not.toBeNull()
})
