import { expect, test } from 'vitest'
import { connectClient, connectDevice, connectPerson, startBroker, until } from './harness.js'

test('a device says and hears its own topics over TCP, and people hear them under its home', async () => {
  const running = await startBroker()
  const { recorder, broker } = running
  const person = await connectPerson(running)
  const heard: string[] = []
  person.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  await person.subscribeAsync('homes/home-d1/#')
  const device = await connectDevice(running, 'd1')
  const commands: string[] = []
  device.on('message', (topic, payload) => commands.push(`${topic} ${payload}`))
  await device.subscribeAsync('devices/d1/commands', { qos: 1 })
  await until(() => recorder.events.includes('ready d1'))
  expect(broker.isReadyForCommands('d1')).toBe(true)
  await device.publishAsync('devices/d1/telemetry', '{"t":1}', { qos: 1 })
  expect(recorder.messages).toMatchObject([{ rest: 'telemetry', kind: 'telemetry', qos: 1, dup: false }])
  await until(() => heard.length === 1)
  await broker.publish('homes/home-d1/devices/d1/commands', '{"id":"c1"}', { qos: 1, receipt: 'c1' })
  await until(() => recorder.delivered_receipts.length === 1)
  expect(commands).toEqual(['devices/d1/commands {"id":"c1"}'])
  expect(heard).toEqual(['homes/home-d1/devices/d1/telemetry {"t":1}', 'homes/home-d1/devices/d1/commands {"id":"c1"}'])
  await device.endAsync()
  await until(() => recorder.events.length === 3)
  expect(recorder.events).toEqual(['+d1', 'ready d1', '-d1 clean'])
})

test('a device speaks MQTT over WebSocket', async () => {
  const { recorder, ws_port } = await startBroker()
  const device = await connectClient(`ws://127.0.0.1:${ws_port}/mqtt`, {
    clientId: 'd1',
    username: 'd1',
    password: 'key-d1',
  })
  await device.publishAsync('devices/d1/telemetry', '{"t":1}', { qos: 1 })
  expect(recorder.messages).toHaveLength(1)
  await device.endAsync()
  await until(() => recorder.events.includes('-d1 clean'))
})
