import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { type Running, startBroker, until } from './harness.js'
import { publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

const all = Buffer.from('service1:{"publish":["#"],"subscribe":["#"]}')
const day = 86_400_000

/** A session that is away. */
async function away({ port, store }: Running, id: string, password = all): Promise<void> {
  const raw = new Raw(port).connect(id, { password, clean: false })
  await raw.send(subscribePacket(['#'])).next('suback')
  const row = `select seen_at from mqtt_sessions where client_id like '%${id}'`
  const made = store.look(row)
  await raw.end()
  await until(() => store.look(row) !== made, 'its going is written')
}

function logging() {
  const logged: string[] = []
  return { logged, log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }) }
}

describe('a queue that is full keeps what it has, counts the newest, and says so once a minute', () => {
  test.each([
    [1000, 1003, 10],
    [4, 7, 250_000],
  ])('%i of %i messages of %i bytes', async (most, count, size) => {
    const { log, logged } = logging()
    const running = await startBroker({}, { log })
    const { broker, port, store } = running
    await away(running, 'reader')
    await Promise.all(
      Array.from({ length: count }, (_, i) => broker.publish('home/a', String(i).padEnd(size), { qos: 1 })),
    )
    expect(store.look('select count(*) from mqtt_outgoing')).toBe(most)
    expect(broker.stats().dropped_queue_full).toBe(count - most)
    expect(logged.filter(line => line.includes('too much waits'))).toHaveLength(1)
    const reader = new Raw(port).connect('reader', { password: all, clean: false })
    const got: number[] = []
    reader.parser.on('packet', packet => {
      if (packet.cmd !== 'publish') return
      got.push(Number(packet.payload))
      reader.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    })
    await until(() => got.length === most && store.look('select count(*) from mqtt_outgoing') === 0)
    expect(got).toEqual(Array.from({ length: most }, (_, i) => i))
    await broker.publish('home/a', '-1', { qos: 1 })
    await until(() => got.at(-1) === -1)
  })
})

describe('what programs may have retained', () => {
  const retain = { retain: true } as const
  test('is 10,000 messages: one more is delivered and not retained, and what is there can be replaced', async () => {
    const { log, logged } = logging()
    const { broker, port, store } = await startBroker({}, { log })
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => broker.publish(`home/${i}`, 'x', retain)))
    const reader = new Raw(port).connect('reader', { password: all })
    await reader.send(subscribePacket(['more'])).next('suback')
    await broker.publish('more', 'live', retain)
    await broker.publish('home/1', 'replaced', retain)
    expect(await reader.next('publish')).toMatchObject({ retain: false, payload: Buffer.from('live') })
    expect(store.look('select count(*) from mqtt_retained')).toBe(10_000)
    expect(store.look("select cast(payload as text) from mqtt_retained where topic = 'home/1'")).toBe('replaced')
    expect(broker.stats().retained_refused).toBe(1)
    expect(logged.filter(line => line.includes('too much is retained'))).toHaveLength(1)
    await broker.publish('home/2', '', retain)
    await broker.publish('more', 'there is room again', retain)
    expect(store.look('select count(*) from mqtt_retained')).toBe(10_000)
  })
  test('is 16 MiB', async () => {
    const { broker, store } = await startBroker()
    for (let i = 0; i < 66; i++) await broker.publish(`home/${i}`, Buffer.alloc(256 * 1024), retain)
    expect(store.look('select count(*) from mqtt_retained')).toBe(64)
    expect(broker.stats().retained_refused).toBe(2)
  })
})

test('a person has at most 20 sessions: the one longest away makes room for another', async () => {
  const running = await startBroker()
  const { broker, store } = running
  const person = Buffer.from('person1:admin')
  for (let i = 0; i < 22; i++) await away(running, `user-${String(i).padStart(2, '0')}`, person)
  expect(broker.stats().sessions).toBe(20)
  expect(store.look('select count(*) from mqtt_sessions')).toBe(20)
  expect(store.look('select min(client_id) from mqtt_sessions')).toBe('people/person1/user-02')
})

test('what somebody may not hear any more leaves their sessions, and does not come back with the right', async () => {
  const { broker, port, store } = await startBroker()
  const connect = (homes: string) =>
    new Raw(port).connect('user-phone', { password: Buffer.from(`person1:user:${homes}`), clean: false })
  const phone = connect('a,b')
  await phone.send(subscribePacket(['homes/a/#', 'homes/b/#'])).next('suback')
  await phone.end()
  await until(() => store.look('select count(*) from mqtt_subscriptions') === 2)
  const say = (home: string) => broker.publish(`homes/${home}/devices/d/event`, home, { qos: 1 })
  await Promise.all([say('a'), say('b')])
  broker.setRights('person1', { role: 'user', homes: new Map([['b', 'member']]) })
  await until(() => store.look('select group_concat(filter) from mqtt_subscriptions') === 'homes/b/#')
  await until(() => store.look('select group_concat(topic) from mqtt_outgoing') === 'homes/b/devices/d/event')
  await say('a')
  broker.setRights('person1', { role: 'user', homes: new Map(['a', 'b'].map(home => [home, 'member'])) })
  await say('b')
  const again = connect('a,b')
  expect(await again.next('connack')).toMatchObject({ sessionPresent: true })
  for (let i = 0; i < 2; i++) expect(await again.next('publish')).toMatchObject({ topic: 'homes/b/devices/d/event' })
})

test('who is back before all has left their session waits for that, and finds nothing of it', async () => {
  const { broker, port, store } = await startBroker()
  const person = Buffer.from('person1:user:a,b')
  const phone = new Raw(port).connect('user-phone', { password: person, clean: false })
  await phone.send(subscribePacket(['homes/a/#', 'homes/b/#'])).next('suback')
  await phone.end()
  await until(() => broker.stats().connections === 0)
  const say = (home: string) => broker.publish(`homes/${home}/devices/d/event`, home, { qos: 1 })
  await Promise.all(Array.from({ length: 500 }, () => say('a')))
  expect(store.look('select count(*) from mqtt_outgoing')).toBe(500)
  for (const homes of [['b'], ['a', 'b']])
    broker.setRights('person1', { role: 'user', homes: new Map(homes.map(home => [home, 'member'])) })
  const again = new Raw(port).connect('user-phone', { password: person, clean: false })
  expect(await again.next('connack')).toMatchObject({ sessionPresent: true })
  await say('b')
  expect(await again.next('publish')).toMatchObject({ topic: 'homes/b/devices/d/event' })
  expect(store.look("select count(*) from mqtt_outgoing where topic like 'homes/a/%'")).toBe(0)
})

test('who is here when a right goes has not got it back when they are away', async () => {
  const { broker, port, store } = await startBroker()
  const person = Buffer.from('person1:user:a,b')
  const phone = new Raw(port).connect('user-phone', { password: person, clean: false })
  await phone.send(subscribePacket(['homes/a/#', 'homes/b/#'])).next('suback')
  broker.setRights('person1', { role: 'user', homes: new Map([['b', 'member']]) })
  await phone.end()
  await until(() => store.look('select group_concat(filter) from mqtt_subscriptions') === 'homes/b/#')
})

test('a session ends when its client has been away for 7 days, and not while it is here', async () => {
  const running = await startBroker()
  const { broker, store, port } = running
  await away(running, 'gone')
  const here = new Raw(port).connect('here', { password: all, clean: false })
  await here.send(subscribePacket(['#'])).next('suback')
  await broker.publish('home/a', 'x', { qos: 1 })
  await broker.trimSessions(Date.now() + 6 * day)
  expect(store.look('select count(*) from mqtt_sessions')).toBe(2)
  await broker.trimSessions(Date.now() + 8 * day)
  expect(store.look('select group_concat(client_id) from mqtt_sessions')).toBe('tokens/service1/here')
  expect(store.look('select count(*) from mqtt_outgoing')).toBe(1)
  expect(broker.stats().sessions).toBe(1)
})

test('with 10 ms for each commit of a queue, 500 of 500 messages arrive in order, whether the reader was away or not', async () => {
  const running = await startBroker(
    { HEARTH_LIMIT_DEVICE_MESSAGES: '0' },
    {
      unruly: ({ queues }) => {
        const { keep, unsent } = queues
        queues.keep = (...given) => keep.apply(queues, given)?.then(() => sleep(10)) ?? null
        queues.unsent = session => sleep(10).then(() => unsent.call(queues, session))
      },
    },
  )
  await away(running, 'reader')
  const device = await rawDevice(running.port, 'd1')
  const got: number[] = []
  const connect = () => {
    const reader = new Raw(running.port).connect('reader', { password: all, clean: false })
    reader.parser.on('packet', packet => {
      if (packet.cmd !== 'publish') return
      got.push(Number(packet.payload))
      reader.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    })
  }
  for (let i = 1; i <= 500; i++) {
    device.send(publishPacket('devices/d1/telemetry', i, String(i)))
    if (i === 250) connect()
    if (i % 25 === 0) await until(() => device.acks >= i - 20)
  }
  await until(() => got.length >= 500)
  expect(got).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
})

test('a packet identifier or an acknowledgement that cannot be written is logged, and ends nothing', async () => {
  const { log, logged } = logging()
  const { broker, port } = await startBroker(
    {},
    {
      log,
      unruly: ({ queues }) => {
        const fail = () => Promise.reject(new Error('the disk is full'))
        Object.assign(queues, { clear: fail })
        const { update } = queues
        queues.update = (...given) => update.apply(queues, given).then(fail)
      },
    },
  )
  const reader = new Raw(port).connect('reader', { password: all, clean: false })
  await reader.send(subscribePacket(['home/#'])).next('suback')
  await until(() => broker.stats().sessions === 1)
  await broker.publish('home/a', 'one', { qos: 1 })
  const { messageId = 0 } = await reader.next('publish')
  await reader.send({ cmd: 'puback', messageId }, { cmd: 'pingreq' }).next('pingresp')
  await until(() => logged.filter(line => line.includes('the disk is full')).length === 2)
  await broker.publish('home/a', 'two', { qos: 1 })
  expect(String((await reader.next('publish')).payload)).toBe('two')
})
