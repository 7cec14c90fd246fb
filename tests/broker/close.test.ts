import { expect, test } from 'vitest'
import type { Done } from '../../src/inbound.js'
import { ours, stock, type Target, until } from './harness.js'
import { publishPacket, Raw, rawDevice } from './raw.js'

const will = { topic: 'devices/d1/event', payload: Buffer.from('gone'), qos: 1 as const, retain: false }

test('closing lets what is in flight be committed and acknowledged, takes in nothing more, and publishes no will', async () => {
  const { port, recorder, broker, listeners } = await ours()
  const held: Done[] = []
  recorder.onReceive = (_message, done) => held.push(done)
  const device = await rawDevice(port, 'd1', { will })
  device.send(publishPacket('devices/d1/telemetry', 1), publishPacket('devices/d1/telemetry', 2))
  await until(() => held.length === 2)
  await listeners.close()
  const closed = broker.close()
  device.send(publishPacket('devices/d1/telemetry', 3))
  setTimeout(() => held.forEach(done => void done(null)), 100)
  await closed
  await until(() => device.closed)
  expect(device.acks).toBe(2)
  expect(recorder.messages.map(({ message_id }) => message_id)).toEqual([1, 2])
  expect(recorder.events).toEqual(['+d1', '-d1 shutdown'])
  await expect(broker.publish('homes/h/alerts', 'x')).rejects.toThrow('closed')
})

test('closing waits 8 s at most for a store that does not answer', async () => {
  const { port, recorder, broker } = await ours()
  recorder.onReceive = () => undefined
  const device = await rawDevice(port, 'd1')
  device.send(publishPacket('devices/d1/telemetry', 1))
  await until(() => recorder.messages.length === 1)
  const start = performance.now()
  await broker.close()
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(device.acks).toBe(0)
})

test('closing ends those who are still logging in', async () => {
  const { port, recorder, broker } = await ours()
  recorder.onAuthenticate = () => new Promise(() => undefined)
  const silent = new Raw(port)
  const waiting = new Raw(port).connect('d1')
  await until(() => recorder.attempts.length === 1 && broker.stats().connections === 2)
  await broker.close()
  await until(() => silent.closed && waiting.closed)
})

test('stock Aedes: closing publishes every will', async () => {
  const { aedes, port, recorder }: Target & { aedes: { close(done: () => void): void } } = await stock()
  await rawDevice(port, 'd1', { will })
  await new Promise<void>(resolve => aedes.close(resolve))
  expect(recorder.messages).toHaveLength(1)
})
