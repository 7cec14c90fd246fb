import { describe, expect, test } from 'vitest'
import { connectDevice, connectPerson, ours, startBroker, stock, type Target, until } from './harness.js'
import { publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

describe('a device that publishes on a topic that is not its own', () => {
  const foreign = [
    'devices/d2/telemetry',
    'devices/d10/telemetry',
    'devices/d1',
    'devices/d1/',
    'homes/home-d1/devices/d1/telemetry',
    'homes/home-d2/devices/d2/telemetry',
    '$SYS/x/new/clients',
    '/devices/d1/telemetry',
    '$nowhere',
    '',
    'devices/d1/+',
    'devices/d1/#',
    'devices/d1/a\nb',
    'devices/d1/a\0b',
    'devices/d1/[a',
    'devices/d1/a?',
    'devices/d1/é',
    'devices/d1//telemetry',
    `devices/d1/${'a/'.repeat(100)}a`,
    `devices/d1/${'a'.repeat(60_000)}`,
  ]
  test.each([0, 1, 2] as const)(
    'is closed at QoS %i, and nothing is received, acknowledged or delivered',
    async qos => {
      const { port, recorder, broker } = await startBroker({ HEARTH_LIMIT_PENDING_CONNECTIONS: '0' })
      const person = await connectPerson({ port })
      const heard: string[] = []
      person.on('message', topic => heard.push(topic))
      await person.subscribeAsync('#')
      for (const topic of foreign) {
        const raw = (await rawDevice(port, 'd1')).send(rawPublish(topic, qos))
        await until(() => raw.closed, `closing for ${JSON.stringify(topic.slice(0, 50))}`, 1000)
        expect(raw.packets).toEqual([])
      }
      await until(() => recorder.events.length === foreign.length * 2)
      expect(recorder.events.filter(event => event === '-d1 forbidden')).toHaveLength(foreign.length)
      expect(recorder.messages).toEqual([])
      expect(heard).toEqual([])
      expect(broker.stats().closed).toEqual({ forbidden: foreign.length })
    },
  )

  test('names like those of object properties are topics like any other', async () => {
    const { port, recorder } = await startBroker()
    const device = await connectDevice({ port }, 'd1')
    for (const rest of ['__proto__', 'constructor', 'a/toString'])
      await device.publishAsync(`devices/d1/${rest}`, '{}', { qos: 1 })
    expect(recorder.messages.map(({ rest, kind }) => [rest, kind])).toEqual([
      ['__proto__', null],
      ['constructor', null],
      ['a/toString', null],
    ])
  })

  test('stock Aedes: newlines, and the topics of others, are accepted', async () => {
    const { port } = await stock()
    const raw = (await rawDevice(port, 'd1')).send(rawPublish('devices/d2/a\nb', 1))
    await raw.next('puback')
  })
})

/** mqtt-packet refuses to generate some of these topics, so the bytes are put together here. */
function rawPublish(topic: string, qos: 0 | 1 | 2): Buffer {
  const name = Buffer.from(topic)
  const length = 2 + name.length + (qos ? 2 : 0) + 2
  const size: number[] = []
  for (let left = length; ; ) {
    const digit = left % 128
    left = Math.floor(left / 128)
    size.push(left > 0 ? digit | 128 : digit)
    if (left === 0) break
  }
  const head = Buffer.from([0x30 | (qos << 1), ...size, name.length >> 8, name.length & 255])
  return Buffer.concat([head, name, Buffer.from(qos ? [0, 9] : []), Buffer.from('{}')])
}

describe('a device that subscribes', () => {
  test('gets its own filters, and 128 for every other', async () => {
    const { port } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const allowed = ['devices/d1/commands', 'devices/d1/#', 'devices/d1/+', 'devices/d1/+/result', 'devices/d1/desired']
    const denied = [
      'devices/d2/commands',
      'devices/d10/#',
      'devices/+/commands',
      'devices/#',
      '#',
      '+/+/commands',
      '/#',
      '$SYS/#',
      '$share/g/#',
      '$share/g/devices/d1/commands',
      'homes/home-d1/devices/d1/commands',
      'homes/#',
      'devices/d1',
      'devices/d1/a#',
      'devices/d1/#/a',
      'devices/d1/a+',
      'devices/d1/a b',
      `devices/d1/${'a/'.repeat(100)}a`,
      '$nowhere',
      '$refused/0',
      '',
    ]
    const device = await rawDevice(port, 'd1')
    device.send(subscribePacket([...allowed, ...denied]))
    const { granted } = await device.next('suback')
    expect(granted).toEqual([...allowed.map(() => 1), ...denied.map(() => 128)])
  })

  test('gets 100 filters on a connection, however many packets it asks in, and unsubscribing makes room', async () => {
    const { port } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const device = await rawDevice(port, 'd1')
    const filters = Array.from({ length: 120 }, (_, i) => `devices/d1/f${i}`)
    device.send(subscribePacket(filters.slice(0, 60), 1, 1), subscribePacket(filters.slice(60), 1, 2))
    const first = await device.next('suback')
    const second = await device.next('suback')
    expect([...first.granted, ...second.granted]).toEqual(filters.map((_, i) => (i < 100 ? 1 : 128)))
    device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['devices/d1/f0'] })
    await device.next('unsuback')
    device.send(subscribePacket(['devices/d1/again', 'devices/d1/more'], 1, 4))
    expect((await device.next('suback')).granted).toEqual([1, 128])
  })

  test.each([true, false])(
    'to 1000 filters in one packet does not hold the others up (clean session: %s)',
    async clean => {
      const { port, recorder } = await startBroker()
      const other = await connectDevice({ port }, 'd2')
      const device = await rawDevice(port, 'd1', { clean })
      const lag: number[] = []
      let last = performance.now()
      const timer = setInterval(() => {
        lag.push(performance.now() - last)
        last = performance.now()
      }, 1)
      device.send(subscribePacket(Array.from({ length: 1000 }, (_, i) => `devices/d1/f${i}`)))
      const { granted } = await device.next('suback')
      await other.publishAsync('devices/d2/telemetry', '{}', { qos: 1 })
      clearInterval(timer)
      expect(granted.filter(code => code === 1)).toHaveLength(100)
      expect(Math.max(...lag)).toBeLessThan(100)
      expect(recorder.messages).toHaveLength(1)
    },
  )

  const shared = async ({ port }: Target) => {
    const device = await rawDevice(port, 'd1', {
      username: 'x',
      clientId: 'user-x',
      password: Buffer.from('person1:admin'),
    })
    device.send(subscribePacket(['$share/g/a', '$SYS/#']))
    return (await device.next('suback')).granted
  }
  test('to $share or $SYS gets 128, an administrator too', async () =>
    expect(await shared(await ours())).toEqual([128, 128]))
  test('stock Aedes: both are granted', async () => expect(await shared(await stock())).toEqual([1, 1]))
})

describe('a person', () => {
  test('hears the homes they belong to, and no other', async () => {
    const { port, broker } = await startBroker()
    const raw = new Raw(port).connect('user-a', { password: Buffer.from('person1:user:h1,h2') })
    await raw.next('connack')
    const filters = [
      'homes/h1/#',
      'homes/h2/+/d1/#',
      'homes/h1/',
      'homes/h3/#',
      'homes/+/devices',
      'homes/h1',
      '#',
      '+/h1/#',
      'homes/#',
    ]
    raw.send(subscribePacket(filters))
    expect((await raw.next('suback')).granted).toEqual([1, 1, 1, 128, 128, 128, 128, 128, 128])
    await broker.publish('homes/h3/alerts', 'not for them', { qos: 1 })
    await broker.publish('homes/h1/alerts', 'for them', { qos: 1 })
    expect((await raw.next('publish')).payload.toString()).toBe('for them')
  })

  test('who publishes is closed', async () => {
    const { port, recorder } = await startBroker()
    const raw = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
    await raw.next('connack')
    raw.send(publishPacket('homes/h1/devices/d1/commands'))
    await until(() => raw.closed)
    expect(recorder.messages).toEqual([])
    expect(raw.acks).toBe(0)
  })

  test('cannot kick another with the same client id', async () => {
    const { port, broker } = await startBroker()
    const first = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
    await first.next('connack')
    const second = new Raw(port).connect('user-a', { password: Buffer.from('person2:user:h1') })
    await second.next('connack')
    await first.send({ cmd: 'pingreq' }).next('pingresp')
    expect(broker.stats().connections).toBe(2)
  })
})
