import { describe, expect, onTestFinished, test } from 'vitest'
import { openTestStore, type TestStore } from '../store/harness.js'
import { type Running, startBroker, until } from './harness.js'
import { publishPacket, Raw, subscribePacket } from './raw.js'

const all = Buffer.from('service1:{"publish":["#"],"subscribe":["#"]}')
const kept = { password: all, clean: false }

/** A broker that can be closed and started again on what it has kept. */
async function restartable(): Promise<{ store: TestStore; start(): Promise<Running> }> {
  const store = await openTestStore({ sync: 'normal' })
  let running: Running | null = null
  const start = async () => {
    await running?.broker.close()
    running = await startBroker({}, { store })
    return running
  }
  onTestFinished(async () => {
    await running?.broker.close()
    await store.close()
  })
  return { store, start }
}

/** A program's session on `home/#`, and its client connected. */
async function subscriber(port: number, qos: 0 | 1 | 2 = 2, id = 'reader'): Promise<Raw> {
  const raw = new Raw(port).connect(id, kept)
  await raw.next('connack')
  await raw.send(subscribePacket(['home/#'], qos)).next('suback')
  return raw
}

/** The client comes back to its session. */
async function back(port: number, id = 'reader'): Promise<Raw> {
  const raw = new Raw(port).connect(id, kept)
  expect(await raw.next('connack')).toMatchObject({ sessionPresent: true })
  return raw
}

const program = async (port: number) => {
  const raw = new Raw(port).connect('writer', { password: all })
  await raw.next('connack')
  return raw
}

const textOf = ({ payload }: { payload: string | Buffer }) => String(payload)
const pong = async (raw: Raw) => raw.send({ cmd: 'pingreq' }).next('pingresp')

describe('across a restart of the broker', () => {
  test('a session keeps its subscriptions and what was said while it was away, in order, each at its QoS', async () => {
    const { start } = await restartable()
    const first = await start()
    await (await subscriber(first.port)).end()
    await until(() => first.broker.stats().connections === 0)
    const writer = await program(first.port)
    writer.send(publishPacket('home/a', 1, 'one'), publishPacket('home/b', 2, 'two', { qos: 2 }))
    await writer.next('puback')
    await writer.next('pubrec')
    await first.broker.publish('home/c', 'three', { qos: 1 })
    await first.broker.publish('home/d', 'not kept', { qos: 0 })
    const second = await start()
    await second.broker.publish('home/e', 'four', { qos: 1 })
    const reader = await back(second.port)
    await second.broker.publish('home/f', 'five', { qos: 1 })
    const seen = []
    while (seen.length < 5) seen.push(await reader.next('publish'))
    expect(seen.map(one => `${one.topic} ${textOf(one)} ${one.qos} ${one.dup}`)).toEqual([
      'home/a one 1 false',
      'home/b two 2 false',
      'home/c three 1 false',
      'home/e four 1 false',
      'home/f five 1 false',
    ])
  })

  test('what was sent and not acknowledged is sent again under its packet identifier, as a duplicate [MQTT-4.4.0-1]', async () => {
    const { start, store } = await restartable()
    const first = await start()
    const reader = await subscriber(first.port)
    await first.broker.publish('home/a', 'one', { qos: 1 })
    await first.broker.publish('home/a', 'two', { qos: 1 })
    const [one, two] = [await reader.next('publish'), await reader.next('publish')]
    reader.send({ cmd: 'puback', messageId: one.messageId ?? 0 })
    await until(() => store.look('select count(*) from mqtt_outgoing') === 1)
    const second = await start()
    const again = await (await back(second.port)).next('publish')
    expect(again).toMatchObject({ dup: true, messageId: two.messageId, payload: Buffer.from('two') })
  })

  test('a QoS 2 message on its way out goes on where it was: PUBLISH, then PUBREL, under one identifier', async () => {
    const { start, store } = await restartable()
    let broker = await start()
    await (await subscriber(broker.port)).end()
    const writer = await program(broker.port)
    await writer.send(publishPacket('home/a', 1, 'once', { qos: 2 })).next('pubrec')
    const sent = await (await back(broker.port)).next('publish')
    expect(sent).toMatchObject({ qos: 2, dup: false })
    const { messageId = 0 } = sent
    broker = await start()
    let reader = await back(broker.port)
    expect(await reader.next('publish')).toMatchObject({ qos: 2, dup: true, messageId, payload: Buffer.from('once') })
    expect(await reader.send({ cmd: 'pubrec', messageId }).next('pubrel')).toMatchObject({ messageId })
    broker = await start()
    reader = await back(broker.port)
    expect(await reader.next('pubrel')).toMatchObject({ messageId })
    reader.send({ cmd: 'pubcomp', messageId })
    await until(() => store.look('select count(*) from mqtt_outgoing') === 0)
    broker = await start()
    reader = await back(broker.port)
    await pong(reader)
    expect(reader.packets).toEqual([])
  })

  test('a QoS 2 message on its way in is taken once, however often it is sent before its PUBREL', async () => {
    const { start, store } = await restartable()
    let broker = await start()
    await (await subscriber(broker.port, 1)).end()
    const said = publishPacket('home/a', 7, 'once', { qos: 2 })
    const writer = new Raw(broker.port).connect('writer', kept)
    await writer.send(said).next('pubrec')
    broker = await start()
    const again = await back(broker.port, 'writer')
    await again.send({ ...said, dup: true } as typeof said).next('pubrec')
    await again.send({ cmd: 'pubrel', messageId: 7 }).next('pubcomp')
    expect(store.look('select count(*) from mqtt_outgoing')).toBe(1)
    await again.send(publishPacket('home/a', 7, 'another', { qos: 2 })).next('pubrec')
    const reader = await back(broker.port)
    expect([textOf(await reader.next('publish')), textOf(await reader.next('publish'))]).toEqual(['once', 'another'])
  })

  test('what programs have retained is there, and what the hub has retained comes from its own rows', async () => {
    const { start, store } = await restartable()
    const first = await start()
    const writer = await program(first.port)
    const retain = { retain: true }
    writer.send(publishPacket('home/a', 1, 'old', retain), publishPacket('home/a', 2, 'new', retain))
    writer.send(publishPacket('home/b', 3, 'gone', retain), publishPacket('home/b', 4, '', retain))
    await writer.next('puback', packet => 'messageId' in packet && packet.messageId === 4)
    for (const rest of ['presence', 'state', 'desired'])
      await first.broker.publish(`homes/h/devices/d/${rest}`, '{}', retain)
    expect(store.look('select group_concat(topic) from mqtt_retained')).toBe('home/a')
    const second = await start()
    const reader = new Raw(second.port).connect('reader', { password: all })
    reader.send(subscribePacket(['#']))
    expect(await reader.next('publish')).toMatchObject({ topic: 'home/a', payload: Buffer.from('new'), retain: true })
    await pong(reader)
    expect(reader.packets.filter(({ cmd }) => cmd === 'publish')).toEqual([])
  })
})

test('a client that asks for a clean session ends the one it had, with everything in it [MQTT-3.1.2-6]', async () => {
  const { port, broker, store } = await startBroker()
  await (await subscriber(port)).end()
  await broker.publish('home/a', 'kept', { qos: 1 })
  expect(await new Raw(port).connect('reader', { password: all }).next('connack')).toMatchObject({
    sessionPresent: false,
  })
  expect(store.look('select (select count(*) from mqtt_sessions) + (select count(*) from mqtt_outgoing)')).toBe(0)
  expect(broker.stats().sessions).toBe(0)
})

test('an unsubscribed filter keeps nothing more, and one of two overlapping filters keeps a message once', async () => {
  const { port, broker, store } = await startBroker()
  const reader = await subscriber(port, 1)
  await reader.send(subscribePacket(['home/+', 'other'], 2, 2)).next('suback')
  await reader.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['other'] }).next('unsuback')
  await reader.end()
  await broker.publish('home/a', 'kept', { qos: 1 })
  await broker.publish('other', 'not kept', { qos: 1 })
  expect(store.look('select group_concat(topic) from mqtt_outgoing')).toBe('home/a')
})

test('a message reaches a kept session at the highest QoS of its filters, whatever their order', async () => {
  const { port, broker } = await startBroker()
  const reader = await subscriber(port, 0)
  await reader.send(subscribePacket(['home/a'], 1, 2)).next('suback')
  await broker.publish('home/a', 'x', { qos: 1 })
  expect(await reader.next('publish')).toMatchObject({ qos: 1 })
  await pong(reader)
  expect(reader.packets).toEqual([])
})

test('what its owner may no longer hear leaves the queue unsent', async () => {
  const { port, broker, store } = await startBroker()
  await (await subscriber(port, 1)).end()
  await broker.publish('home/secret', 'no longer', { qos: 1 })
  await broker.publish('home/open', 'still', { qos: 1 })
  const password = Buffer.from('service1:{"subscribe":["home/open"]}')
  const reader = new Raw(port).connect('reader', { password, clean: false })
  expect(textOf(await reader.next('publish'))).toBe('still')
  await until(() => store.look('select group_concat(topic) from mqtt_outgoing') === 'home/open')
})
