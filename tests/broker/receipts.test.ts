import { describe, expect, test } from 'vitest'
import { ours, stock, until } from './harness.js'
import { Raw, rawDevice, subscribePacket } from './raw.js'

describe('a receipt', () => {
  test('is told when the device acknowledges, and only then', async () => {
    const { port, broker, recorder } = await ours()
    const device = (await rawDevice(port, 'd1')).send(subscribePacket(['devices/d1/#']))
    await device.next('suback')
    await broker.publish('homes/home-d1/devices/d1/desired', 'without', { qos: 1 })
    await broker.publish('homes/home-d1/devices/d1/commands', 'with', { qos: 1, receipt: 'c1' })
    const first = await device.next('publish')
    const second = await device.next('publish')
    expect(second).toMatchObject({ topic: 'devices/d1/commands', qos: 1 })
    device.send({ cmd: 'puback', messageId: first.messageId ?? 0 }, { cmd: 'pingreq' })
    await device.next('pingresp')
    expect(recorder.delivered_receipts).toEqual([])
    device.send({ cmd: 'puback', messageId: second.messageId ?? 0 })
    await until(() => recorder.delivered_receipts.length === 1)
    expect(recorder.delivered_receipts).toEqual(['c1'])
  })

  test('is told of a kept session too, whose queue never holds what has one: the hub sends that again itself', async () => {
    const { port, broker, recorder, store } = await ours()
    const device = (await rawDevice(port, 'd1', { clean: false })).send(subscribePacket(['devices/d1/commands']))
    await device.next('suback')
    await broker.publish('homes/home-d1/devices/d1/commands', 'now', { qos: 1, receipt: 'c1' })
    const { messageId = 0 } = await device.next('publish')
    expect(store.look('select count(*) from mqtt_outgoing')).toBe(0)
    device.send({ cmd: 'puback', messageId }, { cmd: 'pingreq' })
    await device.next('pingresp')
    expect(recorder.delivered_receipts).toEqual(['c1'])
    await device.end()
    await until(() => recorder.events.includes('-d1 network'))
    await broker.publish('homes/home-d1/devices/d1/commands', 'away', { qos: 1, receipt: 'c2' })
    await broker.publish('homes/home-d1/devices/d1/commands', 'kept', { qos: 1 })
    const back = new Raw(port).connect('d1', { clean: false })
    expect(String((await back.next('publish')).payload)).toBe('kept')
    expect(recorder.events.filter(event => event === 'ready d1')).toHaveLength(2)
  })

  test('is never told for a subscription at QoS 0, which has no acknowledgement', async () => {
    const { port, broker, recorder } = await ours()
    const device = (await rawDevice(port, 'd1')).send(subscribePacket(['devices/d1/#'], 0))
    await device.next('suback')
    await broker.publish('homes/home-d1/devices/d1/commands', 'x', { qos: 1, receipt: 'c1' })
    expect(await device.next('publish')).toMatchObject({ qos: 0 })
    expect(recorder.delivered_receipts).toEqual([])
  })

  test('stock Aedes: the ack event of a clean session carries no packet', async () => {
    const { aedes, port } = await stock()
    const acked: unknown[] = []
    aedes.on('ack', packet => acked.push(packet))
    const device = (await rawDevice(port, 'd1')).send(subscribePacket(['devices/d1/#']))
    await device.next('suback')
    aedes.publish(
      { cmd: 'publish', topic: 'devices/d1/commands', payload: 'x', qos: 1, dup: false, retain: false },
      () => undefined,
    )
    device.send({ cmd: 'puback', messageId: (await device.next('publish')).messageId ?? 0 })
    await until(() => acked.length === 1)
    expect(acked).toEqual([undefined])
  })
})
