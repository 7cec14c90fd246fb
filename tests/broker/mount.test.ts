import { expect, test } from 'vitest'
import { connectDevice, connectPerson, startBroker, until } from './harness.js'
import { publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

test('the mount is on for people and off for the device: publish, subscribe, unsubscribe, retained, kept, restored', async () => {
  const { port, broker, recorder } = await startBroker()
  recorder.homes.set('d1', 'home1')
  const person = await connectPerson({ port })
  const heard: string[] = []
  person.on('message', topic => heard.push(topic))
  await person.subscribeAsync('homes/home1/#')
  await broker.publish('homes/home1/devices/d1/desired', '{"version":1}', { qos: 1, retain: true })

  const device = await rawDevice(port, 'd1', { clean: false })
  device.send(subscribePacket(['devices/d1/desired', 'devices/d1/commands', 'devices/d1/+/result'], 1, 1))
  await device.next('suback')
  expect(await device.next('publish')).toMatchObject({ topic: 'devices/d1/desired', retain: true })
  device.send(publishPacket('devices/d1/telemetry', 2))
  await device.next('puback')
  device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['devices/d1/+/result'] })
  await device.next('unsuback')
  await broker.publish('homes/home1/devices/d1/commands/result', 'no longer heard', { qos: 1 })
  await broker.publish('homes/home1/devices/d1/commands', 'first', { qos: 1 })
  const first = await device.next('publish')
  expect(first).toMatchObject({ topic: 'devices/d1/commands', payload: Buffer.from('first') })
  device.send({ cmd: 'puback', messageId: first.messageId ?? 0 })
  await device.end()
  await until(() => recorder.events.includes('-d1 network'))

  await broker.publish('homes/home1/devices/d1/commands', 'kept', { qos: 1 })
  const back = new Raw(port).connect('d1', { clean: false })
  expect(await back.next('connack')).toMatchObject({ sessionPresent: true })
  expect(await back.next('publish', packet => 'payload' in packet && `${packet.payload}` === 'kept')).toMatchObject({
    topic: 'devices/d1/commands',
  })
  await broker.publish('homes/home1/devices/d1/commands', 'restored', { qos: 1 })
  expect(await back.next('publish', packet => 'payload' in packet && `${packet.payload}` === 'restored')).toMatchObject(
    {
      topic: 'devices/d1/commands',
    },
  )
  await until(() => heard.length === 6)
  expect(new Set(heard)).toEqual(
    new Set(['desired', 'telemetry', 'commands/result', 'commands'].map(rest => `homes/home1/devices/d1/${rest}`)),
  )
})

test('a device that has moved house hears nothing of the old one, neither what was kept nor what is restored', async () => {
  const { port, broker, recorder } = await startBroker()
  recorder.homes.set('d1', 'old')
  const device = await rawDevice(port, 'd1', { clean: false })
  device.send(subscribePacket(['devices/d1/#']))
  await device.next('suback')
  await device.end()
  await until(() => recorder.events.includes('-d1 network'))
  await broker.publish('homes/old/devices/d1/commands', 'kept for the old house', { qos: 1 })
  recorder.homes.set('d1', 'new')
  const back = new Raw(port).connect('d1', { clean: false })
  await back.next('connack')
  await broker.publish('homes/old/devices/d1/commands', 'live in the old house', { qos: 1 })
  back.send({ cmd: 'pingreq' })
  await back.next('pingresp')
  expect(back.packets).toEqual([])
})

test('what is forwarded is what receive said: the same, another payload that may be retained, or nothing', async () => {
  const { port, recorder } = await startBroker()
  const person = await connectPerson({ port })
  const heard: string[] = []
  person.on('message', (_topic, payload, { retain }) => heard.push(`${payload}${retain ? ' retained' : ''}`))
  await person.subscribeAsync('#')
  recorder.onReceive = ({ payload }, done) => {
    const text = payload.toString()
    done(null, text === 'merge' ? { payload: 'merged', retain: true } : text === 'hide' ? 'nothing' : 'same')
  }
  const device = await connectDevice({ port }, 'd1')
  for (const text of ['same', 'merge', 'hide', 'last']) {
    await device.publishAsync('devices/d1/state', text, { qos: 1, retain: true })
  }
  await until(() => heard.includes('last'))
  expect(heard).toEqual(['same', 'merged', 'last'])
  await person.unsubscribeAsync('#')
  await person.subscribeAsync('homes/home-d1/devices/d1/state')
  await until(() => heard.length === 4)
  expect(heard[3]).toBe('merged retained')
})

test('a message that was received is forwarded even when the device has gone meanwhile', async () => {
  const { port, recorder } = await startBroker()
  const person = await connectPerson({ port })
  const heard: string[] = []
  person.on('message', (_topic, payload) => heard.push(payload.toString()))
  await person.subscribeAsync('#')
  const held: (() => void)[] = []
  recorder.onReceive = (_message, done) => held.push(() => done(null))
  const device = await rawDevice(port, 'd1')
  device.send(publishPacket('devices/d1/telemetry', 0, 'qos0'), publishPacket('devices/d1/telemetry', 1, 'qos1'), {
    cmd: 'disconnect',
  })
  await until(() => recorder.events.includes('-d1 clean'))
  for (const commit of held) commit()
  await until(() => heard.length === 2)
  expect(heard).toEqual(['qos0', 'qos1'])
})

test('a person who has subscribed at QoS 0 gets QoS 0, also what is retained', async () => {
  const { port, broker } = await startBroker()
  await broker.publish('homes/h/alerts', 'retained', { qos: 1, retain: true })
  const raw = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
  await raw.next('connack')
  raw.send(subscribePacket(['homes/#'], 0))
  expect(await raw.next('publish')).toMatchObject({ qos: 0, retain: true })
  await broker.publish('homes/h/alerts', 'live', { qos: 1 })
  expect(await raw.next('publish')).toMatchObject({ qos: 0, retain: false })
})
