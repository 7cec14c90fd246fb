import { afterAll, beforeAll, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

async function latest(id: string): Promise<Record<string, unknown>> {
  const answer = await hub.client.get<{ latest: Record<string, { value: unknown }> }>(`/telemetry/${id}/latest`)
  return Object.fromEntries(Object.entries(answer.latest).map(([field, { value }]) => [field, value]))
}

test.each([0, 1, 2] as const)('a reading at QoS %d is stored, then forwarded under the home', async qos => {
  const id = `qos${qos}`
  const heard = await hub.listen(`homes/home/devices/${id}/telemetry`)
  const device = await hub.connect(id, await hub.device(id))
  await device.publishAsync(`devices/${id}/telemetry`, '{"temperature":21.5}', { qos })
  await heard.next(({ payload }) => payload === '{"temperature":21.5}')
  expect(await latest(id)).toEqual({ temperature: 21.5 })
  await device.endAsync()
})

test('a reading without a time that is posted again with its idempotency key is one point', async () => {
  const api_key = await hub.device('retries')
  const post = (key: string) =>
    fetch(`${hub.http_url}/api/v1/telemetry`, {
      method: 'POST',
      headers: { 'x-api-key': api_key, 'content-type': 'application/json', 'idempotency-key': key },
      body: '{"t":1}',
    })
  for (const key of ['a', 'a', 'b', 'a']) expect((await post(key)).status).toBe(202)
  const { telemetry } = await hub.client.get<{ telemetry: unknown[] }>('/telemetry/retries')
  expect(telemetry).toHaveLength(2)
})

test('a reading over HTTP goes the same way', async () => {
  const heard = await hub.listen('homes/home/devices/http/telemetry')
  const api_key = await hub.device('http')
  await new HearthClient({ url: hub.http_url, api_key }).post('/telemetry', { temperature: 22, open: true })
  expect(await latest('http')).toEqual({ temperature: 22, open: true })
  expect(JSON.parse((await heard.next(() => true)).payload)).toEqual({ temperature: 22, open: true })
})

test('acknowledged means that the next query sees it, for every one of a thousand', async () => {
  const device = await hub.connect('many', await hub.device('many'))
  const sent = Array.from({ length: 1000 }, (_, i) => {
    return device.publishAsync('devices/many/telemetry', JSON.stringify({ ts: Date.now() - 5000 + i, data: { i } }), {
      qos: 1,
    })
  })
  await Promise.all(sent)
  const { telemetry } = await hub.client.get<{ telemetry: unknown[] }>('/telemetry/many?start_time=-1h&limit=1000')
  expect(telemetry).toHaveLength(1000)
  await device.endAsync()
})

test('a retain flag of a device is ignored', async () => {
  const device = await hub.connect('keeper', await hub.device('keeper'))
  await device.publishAsync('devices/keeper/telemetry', '{"a":1}', { qos: 1, retain: true })
  const heard = await hub.listen('homes/home/devices/keeper/#')
  await heard.next(({ topic }) => topic.endsWith('/presence'))
  expect(heard.messages.filter(({ topic }) => topic.endsWith('/telemetry'))).toEqual([])
  await device.endAsync()
})

test('last_seen_at follows what a device says, written down when the hub stops at the latest', async () => {
  const other = await startHub()
  const device = await other.connect('seen', await other.device('seen'))
  await device.publishAsync('devices/seen/telemetry', '{"a":1}', { qos: 1 })
  const after = Date.now()
  await device.endAsync()
  const again = await other.restart()
  const shown = await until(async () => {
    const { device } = await again.client.get<{ device: { last_seen_at: number | null } }>('/devices/seen')
    return device.last_seen_at
  })
  expect(Math.abs(shown - after)).toBeLessThan(5000)
  await again.close()
})
