import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Heard, startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const payloads = ({ messages }: Heard) => messages.map(({ payload }) => JSON.parse(payload) as unknown)

test('partial states are merged, null removes a name, and everybody sees the whole, retained', async () => {
  const heard = await hub.listen('homes/home/devices/lamp/state')
  const lamp = await hub.connect('lamp', await hub.device('lamp'))
  for (const state of [
    { power: 'on', level: 3 },
    { level: { day: 5, night: 1 } },
    { power: null, level: { night: null } },
  ]) {
    await lamp.publishAsync('devices/lamp/state', JSON.stringify(state), { qos: 1 })
  }
  const whole = { level: { day: 5 } }
  await until(() => heard.messages.length === 3)
  expect(payloads(heard)).toEqual([{ power: 'on', level: 3 }, { power: 'on', level: { day: 5, night: 1 } }, whole])
  const later = await hub.listen('homes/home/devices/lamp/state')
  expect(await later.next(({ retain }) => retain)).toMatchObject({ payload: JSON.stringify(whole) })
  const { state } = await hub.client.get<{ state: { reported: object } }>('/devices/lamp/state')
  expect(state.reported).toEqual(whole)
  await lamp.endAsync()
})

test('a wish is told as the open difference with its version, goes when it is met, and survives a restart', async () => {
  let running = await startHub()
  const key = await running.device('heater')
  const device = await running.connect('heater', key)
  const told: { version?: number; desired?: object }[] = []
  device.on('message', (_, payload) => told.push(JSON.parse(payload.toString())))
  await device.subscribeAsync('devices/heater/desired', { qos: 1 })
  await device.publishAsync('devices/heater/state', '{"target":20,"mode":"heat"}', { qos: 1 })

  await running.client.patch('/devices/heater/desired', { target: 22, mode: 'heat' })
  const wish = await until(() => told.find(({ desired }) => desired !== undefined))
  expect(wish).toEqual({ version: expect.any(Number), desired: { target: 22 } })
  await device.endAsync()

  running = await running.restart()
  const again = await running.connect('heater', key)
  const heard: unknown[] = []
  again.on('message', (_, payload) => heard.push(JSON.parse(payload.toString())))
  await again.subscribeAsync('devices/heater/desired', { qos: 1 })
  await until(() => heard.length > 0)
  expect(heard[0]).toEqual(wish)
  await again.publishAsync('devices/heater/state', '{"target":22}', { qos: 1 })
  await until(() => heard.length > 1)
  expect(heard.at(-1)).toEqual({})
  await running.close()
})

test('a merged state that grows beyond its bound is quarantined, and what was there stays', async () => {
  const big = await hub.connect('big', await hub.device('big'))
  const errors: { message: string }[] = []
  big.on('message', (_, payload) => errors.push(JSON.parse(payload.toString())))
  await big.subscribeAsync('devices/big/errors', { qos: 1 })
  await big.publishAsync('devices/big/state', JSON.stringify({ a: 'x'.repeat(40_000) }), { qos: 1 })
  await big.publishAsync('devices/big/state', JSON.stringify({ b: 'x'.repeat(40_000) }), { qos: 1 })
  expect((await until(() => errors[0])).message).toContain('64 KiB')
  const { state } = await hub.client.get<{ state: { reported: object } }>('/devices/big/state')
  expect(Object.keys(state.reported)).toEqual(['a'])
  await big.endAsync()
})

test('a first state beyond the bound is quarantined as a later one is, and the next is taken', async () => {
  const huge = await hub.connect('huge', await hub.device('huge'))
  const errors: { message: string }[] = []
  huge.on('message', (_, payload) => errors.push(JSON.parse(payload.toString())))
  await huge.subscribeAsync('devices/huge/errors', { qos: 1 })
  const names = Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`name${i}`, i]))
  await huge.publishAsync('devices/huge/state', JSON.stringify(names), { qos: 1 })
  expect((await until(() => errors[0])).message).toContain('64 KiB')
  await huge.publishAsync('devices/huge/state', '{"one":1}', { qos: 1 })
  const { state } = await hub.client.get<{ state: { reported: object } }>('/devices/huge/state')
  expect(state.reported).toEqual({ one: 1 })
  await expect(hub.client.patch('/devices/huge/desired', { a: 'x'.repeat(65_530) })).rejects.toMatchObject({
    code: 'payload_too_large',
  })
  await huge.endAsync()
})

test('a deleted device leaves nothing retained behind', async () => {
  const gone = await hub.connect('gone', await hub.device('gone'))
  await gone.publishAsync('devices/gone/state', '{"a":1}', { qos: 1 })
  await hub.client.patch('/devices/gone/desired', { a: 2 })
  const presence = await hub.listen('homes/home/devices/gone/#')
  await until(() => presence.messages.filter(({ retain }) => retain).length === 3)
  await hub.client.delete('/devices/gone')
  await presence.next(({ topic, payload }) => topic.endsWith('/desired') && payload === '')
  const later = await hub.listen('homes/home/devices/gone/#', 'homes/home/devices/lamp/#')
  await later.next(({ topic }) => topic.includes('/lamp/'))
  expect(later.messages.filter(({ topic }) => topic.includes('/gone/'))).toEqual([])
})
