import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../broker/contract.js'
import { ours, startBroker, stock, type Target, until } from './harness.js'
import { connectBytes, connectPacket, publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

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
  test('that are refused are told so even behind megabytes that nobody read', async () => {
    const { port } = await startBroker()
    const raw = new Raw(port)
    const more = Array.from({ length: 40 }, () => publishPacket('devices/d1/telemetry', 0, Buffer.alloc(100_000)))
    raw.send(connectPacket('d1', { password: Buffer.from('wrong') }), ...more)
    expect(await raw.next('connack')).toMatchObject({ returnCode: 4 })
    await until(() => raw.closed)
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

  test('a house of 200 devices that connects at once from one address is let in whole', async () => {
    const { port } = await startBroker()
    const raws = Array.from({ length: 200 }, (_, i) => new Raw(port).connect(`house${i}`))
    const answers = await Promise.all(raws.map(raw => raw.next('connack')))
    expect(answers.map(({ returnCode }) => returnCode)).toEqual(raws.map(() => 0))
  })

  test('wrong keys for one device from 100 addresses do not lock it out', async () => {
    const { port } = await startBroker()
    const raws = Array.from({ length: 100 }, (_, i) =>
      new Raw(port, `127.0.1.${i + 1}`).connect('d1', { password: Buffer.from('wrong') }),
    )
    await until(() => raws.every(raw => raw.closed))
    await rawDevice(port, 'd1')
  })
})
