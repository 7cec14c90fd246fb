import { expect, test } from 'vitest'
import { startBroker } from './harness.js'
import { connectPacket, Raw, rawDevice, subscribePacket } from './raw.js'

const filters = ['devices/d1/commands']
const subscribe = (messageId: number) => subscribePacket(filters, 1, messageId)
const unsubscribe = (messageId: number) => ({ cmd: 'unsubscribe' as const, messageId, unsubscriptions: filters })

test('what is asked for again as soon as it was let go of is heard, and the other way round not', async () => {
  const { port, broker } = await startBroker()
  const device = await rawDevice(port, 'd1')
  for (const packet of [subscribe(1), unsubscribe(2), subscribe(3)]) device.send(packet)
  await device.next('suback', packet => 'messageId' in packet && packet.messageId === 3)
  await broker.publish('homes/home-d1/devices/d1/commands', 'first', { qos: 1 })
  expect((await device.next('publish')).payload.toString()).toBe('first')

  for (const packet of [unsubscribe(4), subscribe(5), unsubscribe(6), subscribePacket(['devices/d1/desired'], 1, 7)])
    device.send(packet)
  await device.next('suback', packet => 'messageId' in packet && packet.messageId === 7)
  await broker.publish('homes/home-d1/devices/d1/commands', 'second', { qos: 1 })
  await broker.publish('homes/home-d1/devices/d1/desired', 'third', { qos: 1 })
  expect((await device.next('publish')).payload.toString()).toBe('third')
})

test('answers come in the order of what was asked, also behind a CONNECT that was not answered yet', async () => {
  const { port, broker } = await startBroker()
  const device = new Raw(port).send(connectPacket('d1'))
  const asked = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? subscribe(i + 1) : unsubscribe(i + 1)))
  for (const packet of [...asked, subscribe(101)]) device.send(packet)
  await device.next('suback', packet => 'messageId' in packet && packet.messageId === 101)
  const answers = device.packets.flatMap(packet =>
    packet.cmd === 'suback' || packet.cmd === 'unsuback' ? [packet.messageId] : [],
  )
  expect(answers).toEqual(asked.map(({ messageId }) => messageId))
  await broker.publish('homes/home-d1/devices/d1/commands', 'heard', { qos: 1 })
  expect((await device.next('publish')).payload.toString()).toBe('heard')
})
