import { describe, expect, test } from 'vitest'
import { connectPerson, startBroker, stock, until } from './harness.js'
import { connectBytes, Raw, rawDevice } from './raw.js'

const will = (topic: string, more = {}) => ({
  topic,
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  ...more,
})

describe('a will', () => {
  const bad = [
    'devices/d2/event',
    'devices/d1/+',
    'devices/d1/#',
    '$SYS/x/new/clients',
    'devices/d1/commands',
    'devices/d1/presence',
    'homes/home-d1/devices/d1/event',
    `devices/d1/${'a/'.repeat(100)}a`,
  ]
  test.each(bad)('on %j is refused with 5', async topic => {
    const { port, recorder } = await startBroker()
    expect(await new Raw(port).connect('d1', { will: will(topic) }).next('connack')).toMatchObject({ returnCode: 5 })
    expect(recorder.events).toEqual([])
  })
  test('on an empty topic, or of QoS 3, is refused with 5', async () => {
    const { port } = await startBroker()
    const nowhere = new Raw(port).send(connectBytes('d1', 4, 0xc6, '', 'gone', 'd1', 'key-d1'))
    expect(await nowhere.next('connack')).toMatchObject({ returnCode: 5 })
    const third = new Raw(port).send(connectBytes('d1', 4, 0xde, 'devices/d1/event', 'gone', 'd1', 'key-d1'))
    expect(await third.next('connack')).toMatchObject({ returnCode: 5 })
  })
  test('of 1 MB is cut off, and a person’s is refused', async () => {
    const { port } = await startBroker()
    const large = new Raw(port).connect('d1', { will: will('devices/d1/event', { payload: Buffer.alloc(1_000_000) }) })
    await until(() => large.closed)
    const person = new Raw(port).connect('user-a', {
      password: Buffer.from('person1:admin'),
      will: will('homes/h/alerts'),
    })
    expect(await person.next('connack')).toMatchObject({ returnCode: 5 })
  })
  test('stock Aedes: with a wildcard is accepted', async () => {
    const { port } = await stock()
    expect(await new Raw(port).connect('d1', { will: will('devices/+/event') }).next('connack')).toMatchObject({
      returnCode: 0,
    })
  })

  test('is received as a message of the device when its connection is lost, and forwarded', async () => {
    const { port, recorder } = await startBroker()
    const person = await connectPerson({ port })
    const heard: string[] = []
    person.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
    await person.subscribeAsync('#')
    const device = await rawDevice(port, 'd1', { will: will('devices/d1/event', { retain: true }) })
    await device.end()
    await until(() => heard.length === 1)
    expect(heard).toEqual(['homes/home-d1/devices/d1/event gone'])
    expect(recorder.messages).toMatchObject([{ rest: 'event', message_id: null }])
  })

  test('is not, when the device says goodbye', async () => {
    const { port, recorder } = await startBroker()
    const device = await rawDevice(port, 'd1', { will: will('devices/d1/event') })
    device.send({ cmd: 'disconnect' })
    await until(() => recorder.events.includes('-d1 clean'))
    expect(recorder.messages).toEqual([])
  })

  test('of a revoked device is not published, and the hub says revoked', async () => {
    const { port, recorder, broker } = await startBroker()
    const device = await rawDevice(port, 'd1', { will: will('devices/d1/event') })
    expect(broker.disconnect({ key_id: 'key-id-d1' }, 'revoked')).toBe(1)
    await until(() => device.closed)
    await until(() => recorder.events.length === 2)
    expect(recorder.events).toEqual(['+d1', '-d1 revoked'])
    expect(recorder.messages).toEqual([])
  })
  test('stock Aedes: is published when the hub closes the client', async () => {
    const { port, recorder, aedes } = await stock()
    await rawDevice(port, 'd1', { will: will('devices/d1/event') })
    ;(aedes as unknown as { clients: Record<string, { close(): void }> }).clients.d1?.close()
    await until(() => recorder.messages.length === 1)
  })
})
