import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../broker/contract.js'
import {
  connectBytes,
  connectDevice,
  connectPerson,
  ours,
  publishPacket,
  Raw,
  rawDevice,
  startBroker,
  stock,
  subscribePacket,
  type Target,
  until,
} from './harness.js'

const will = (topic: string, more = {}) => ({
  topic,
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  ...more,
})

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

describe('the client id', () => {
  const stolen = async ({ port }: Target) => {
    const victim = await rawDevice(port, 'd2')
    const thief = new Raw(port).connect('d2', { username: 'd1', password: Buffer.from('key-d1') })
    const { returnCode } = await thief.next('connack')
    victim.send({ cmd: 'pingreq' })
    await until(() => victim.closed || victim.packets.some(packet => packet.cmd === 'pingresp'))
    return { returnCode, closed: victim.closed }
  }
  test('of another device is refused with 2, and that device stays', async () => {
    expect(await stolen(await ours())).toEqual({ returnCode: 2, closed: false })
  })
  test('stock Aedes: throws the other device out', async () => {
    expect(await stolen(await stock())).toEqual({ returnCode: 0, closed: true })
  })

  const empty = async ({ port }: Target, protocolVersion: 3 | 4) => {
    const raw = new Raw(port).send(connectBytes('', protocolVersion, 0xc0, 'd1', 'key-d1'))
    return (await raw.next('connack')).returnCode
  }
  test.each([3, 4] as const)('that is empty on a kept session is refused with 2, as version %i', async version => {
    expect(await empty(await ours(), version)).toBe(2)
  })
  test('stock Aedes: is accepted (aedes#1095)', async () => expect(await empty(await stock(), 3)).toBe(0))

  test('that is empty on a clean session is the device’s own, so that one device has one connection', async () => {
    const { port, recorder } = await startBroker()
    const first = await rawDevice(port, 'd1')
    const second = new Raw(port).connect('', { username: 'd1', password: Buffer.from('key-d1') })
    await second.next('connack')
    await until(() => first.closed)
    expect(recorder.events).toEqual(['+d1', '-d1 takeover', '+d1'])
  })

  test.each(['mqttjs_1', 'd1', 'user-', `user-${'a'.repeat(129)}`, 'user-a b'])('%j is none for a person', async id => {
    const { port } = await startBroker()
    const raw = new Raw(port).connect(id, { password: Buffer.from('person1:admin') })
    expect(await raw.next('connack')).toMatchObject({ returnCode: 2 })
  })
})

describe('30 simultaneous CONNECTs with one client id', () => {
  const rush = async (target: Target, rounds: number) => {
    const { port } = target
    let left: Raw[] = []
    for (let round = 0; round < rounds; round++) {
      const raws = Array.from({ length: 30 }, () => new Raw(port).connect('d1'))
      await until(() => raws.every(raw => raw.closed || raw.packets.length > 0))
      for (const raw of raws) if (!raw.closed) raw.send(subscribePacket(['devices/d1/commands']))
      left = [...left, ...raws]
    }
    await sleep(50)
    left = left.filter(raw => !raw.closed)
    return { live: left.length, counted: target.clients() }
  }
  test('leave one live socket, one presence record and the right counts, 50 times over', async () => {
    const target = await ours({ HEARTH_LIMIT_PENDING_CONNECTIONS: '0' })
    target.recorder.onAuthenticate = () => sleep(1)
    expect(await rush(target, 50)).toEqual({ live: 1, counted: 1 })
    expect(target.broker.connections()).toHaveLength(1)
    const events = target.recorder.events.filter(event => event !== 'ready d1')
    // each connection is told of and then told to have ended, before the next
    expect(events.every((event, i) => event === (i % 2 === 0 ? '+d1' : '-d1 takeover'))).toBe(true)
    expect(events.length % 2).toBe(1)
  }, 60_000)
  test('stock Aedes: leave several live sockets or a wrong count', async () => {
    const target = await stock()
    target.recorder.onAuthenticate = () => sleep(1)
    expect(await rush(target, 5)).not.toEqual({ live: 1, counted: 1 })
  })
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

describe('spoofing $SYS', () => {
  const spoof = async ({ port }: Target) => {
    const victim = await rawDevice(port, 'd2')
    const spoofer = (await rawDevice(port, 'd1')).send(publishPacket('$SYS/x/new/clients', 1, 'd2'))
    await until(() => spoofer.closed || spoofer.acks === 1)
    await sleep(50)
    return { spoofer: spoofer.closed, victim: victim.closed }
  }
  test('closes the spoofer, and the victim stays', async () =>
    expect(await spoof(await ours())).toEqual({ spoofer: true, victim: false }))
  test('stock Aedes: throws the victim out', async () =>
    expect(await spoof(await stock())).toEqual({ spoofer: false, victim: true }))
})

describe('credentials', () => {
  test.each([
    ['missing', { username: undefined, password: undefined }, 4],
    ['empty', { username: '', password: Buffer.from('') }, 4],
    ['with NUL in the name', { username: 'd\u00001' }, 4],
    ['with NUL in the password', { password: Buffer.from('key\0') }, 4],
    ['wrong', { password: Buffer.from('key-d2') }, 4],
  ])('that are %s are refused with the right code, and the socket closed', async (_what, options, returnCode) => {
    const { port, recorder } = await startBroker()
    const raw = new Raw(port).connect('d1', options as never)
    expect(await raw.next('connack')).toMatchObject({ returnCode })
    await until(() => raw.closed)
    expect(recorder.events).toEqual([])
  })
  test('of 64 kB are cut off', async () => {
    const { port, recorder } = await startBroker()
    const raw = new Raw(port).connect('d1', { username: 'a'.repeat(65_000) })
    await until(() => raw.closed)
    expect(recorder.attempts).toEqual([])
  })
  test('that are disabled get 5; a store that fails gets 3', async () => {
    const { port, recorder } = await startBroker()
    recorder.refusals.set('d1', new Refusal(5, 'disabled'))
    expect(await new Raw(port).connect('d1').next('connack')).toMatchObject({ returnCode: 5 })
    recorder.onAuthenticate = async () => {
      throw new Error('database is locked')
    }
    expect(await new Raw(port).connect('d2').next('connack')).toMatchObject({ returnCode: 3 })
  })

  test('1000 wrong keys from one address: ten are looked at, and a device elsewhere connects', async () => {
    const { port, recorder } = await startBroker()
    const wrong = { password: Buffer.from('wrong') }
    await (await rawDevice(port, 'known')).end()
    const before = recorder.attempts.length
    for (let round = 0; round < 25; round++) {
      const raws = Array.from({ length: 40 }, (_, i) => new Raw(port).connect(`d${i}`, wrong))
      await until(() => raws.every(raw => raw.closed))
    }
    expect(recorder.attempts.length - before).toBe(10)
    const elsewhere = new Raw(port, '127.0.0.2').connect('d1')
    expect(await elsewhere.next('connack')).toMatchObject({ returnCode: 0 })
    // nor is a neighbour that has logged in from there before locked out
    await rawDevice(port, 'known')
    expect(await new Raw(port).connect('unknown').next('connack')).toMatchObject({ returnCode: 3 })
  }, 60_000)

  test('wrong keys for one device from 100 addresses do not lock it out', async () => {
    const { port } = await startBroker()
    const raws = Array.from({ length: 100 }, (_, i) =>
      new Raw(port, `127.0.1.${i + 1}`).connect('d1', { password: Buffer.from('wrong') }),
    )
    await until(() => raws.every(raw => raw.closed))
    await rawDevice(port, 'd1')
  })
})

describe('a connection that is cut', () => {
  test('while its credential is still being checked is not let in', async () => {
    const { port, recorder, broker } = await startBroker()
    let go: () => void = () => undefined
    recorder.onAuthenticate = () =>
      new Promise(resolve => {
        go = resolve
      })
    const raw = new Raw(port).connect('d1')
    await until(() => recorder.attempts.length === 1)
    broker.disconnect({ key_id: 'key-id-d1' }, 'revoked')
    go()
    expect(await raw.next('connack')).toMatchObject({ returnCode: 5 })
    expect(recorder.events).toEqual([])
  })

  test('by a match is that of the one who fits, and no other', async () => {
    const { port, broker, recorder } = await startBroker()
    await rawDevice(port, 'd1')
    await rawDevice(port, 'd2')
    const person = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
    await person.next('connack')
    expect(broker.disconnect({}, 'revoked')).toBe(0)
    expect(broker.disconnect({ device_id: 'd1', key_id: 'key-id-d2' }, 'revoked')).toBe(0)
    expect(broker.disconnect({ device_id: 'd1' }, 'revoked')).toBe(1)
    expect(broker.disconnect({ user_id: 'person1' }, 'revoked')).toBe(1)
    await until(() => person.closed && recorder.events.includes('-d1 revoked'))
    expect(broker.connections().map(({ device }) => device.id)).toEqual(['d2'])
  })

  test('ends within a second of the end of its credential, and its will is not published', async () => {
    const { port, recorder } = await startBroker()
    recorder.expires_at = Date.now() + 500
    const raw = await rawDevice(port, 'd1', { will: will('devices/d1/event') })
    await until(() => raw.closed)
    expect(Date.now() - recorder.expires_at).toBeLessThan(1000)
    expect(Date.now()).toBeGreaterThanOrEqual(recorder.expires_at)
    await until(() => recorder.events.includes('-d1 expired'))
    expect(recorder.messages).toEqual([])
  })
})
