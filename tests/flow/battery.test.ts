import { expect, onTestFinished, test } from 'vitest'
import { Device } from '../../simulators/device.js'
import { createWeather } from '../../simulators/models/weather.js'
import { presenceOf, timelineOf } from '../devices/presence.js'
import { startHub, until } from '../helper.js'

interface Ordered {
  readonly command: { readonly id: string; readonly status: string }
}

test('a sensor on a battery sleeps between readings, gets its commands when it wakes, and was never down', async () => {
  const hub = await startHub()
  onTestFinished(() => hub.close())
  const api_key = await hub.device('garden')
  const device = new Device({ url: hub.mqtt_url, id: 'garden', api_key, model: createWeather(1), interval_ms: 100 })
  onTestFinished(() => device.stop())
  await device.start()
  const order = (name: string, params: object) =>
    hub.client.post<Ordered>('/devices/garden/commands', { name, params, collapse_key: name })
  await order('set_sleep', { sleep: 1 })
  const status = async () => (await presenceOf(hub, 'garden')).status
  await until(async () => (await status()) === 'sleeping')
  expect(device.connected).toBe(false)
  const { command } = await order('set_offset', { offset: 1 })
  expect(command.status).toBe('queued')
  await until(async () => (await hub.client.get<Ordered>(`/commands/${command.id}`)).command.status === 'succeeded')
  const points = device.counts.points_acknowledged
  await until(async () => device.counts.points_acknowledged > points && (await status()) === 'sleeping')

  await order('set_sleep', { sleep: 0 })
  await until(() => device.counts.points_acknowledged > points + 10)
  expect(await presenceOf(hub, 'garden')).toMatchObject({ status: 'online', wakes_at: null })
  const [first, ...changes] = (await timelineOf(hub, 'garden')).map(({ status, reason }) => `${status} ${reason}`)
  expect(first).toBe('online null')
  expect(new Set(changes)).toEqual(new Set(['sleeping clean', 'online null']))
  const { total } = await hub.client.get<{ total: object }>('/devices/garden/presence/uptime')
  expect(total).toMatchObject({ offline_ms: 0, uptime_percent: 100 })
}, 60_000)
