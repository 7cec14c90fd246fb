import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectBytes, connectPacket, publishPacket, Raw, subscribePacket } from '../broker/raw.js'
import { type Heard, startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let key: string
let heard: Heard

beforeAll(async () => {
  hub = await startHub()
  key = await hub.device('a')
  await hub.device('b')
  heard = await hub.listen('homes/+/devices/+/telemetry', 'homes/+/devices/+/event')
})
afterAll(() => hub.close())

const raw = () => new Raw(hub.hub.ports.mqtt)
const credentials = (more = {}) => ({ password: Buffer.from(key), ...more })

async function loggedIn(more = {}): Promise<Raw> {
  const socket = raw().connect('a', credentials(more))
  expect(await socket.next('connack')).toMatchObject({ returnCode: 0 })
  return socket
}

const rows = async () => {
  const { telemetry } = await hub.client.get<{ telemetry: unknown[] }>('/telemetry/b?start_time=-1h')
  const { events } = await hub.client.get<{ events: unknown[] }>('/devices/b/events')
  return telemetry.length + events.length
}

/** Nothing of it was stored, and nobody has heard it; what others say arrives as ever. */
async function expectNothing(): Promise<void> {
  expect(await rows()).toBe(0)
  const marker = `{"marker":${Math.random()}}`
  const honest = await loggedIn()
  honest.send(publishPacket('devices/a/telemetry', 1, marker))
  await heard.next(({ payload }) => payload === marker)
  expect(heard.messages.filter(({ topic }) => topic.includes('/devices/b/') || topic.startsWith('$'))).toEqual([])
  await honest.end()
}

describe('a device that publishes where it may not is closed, without a PUBACK, and nothing of it is kept or told', () => {
  const foreign = [
    'devices/b/telemetry',
    'devices/b/event',
    'homes/home/devices/b/telemetry',
    'homes/home/devices/a/telemetry',
    'devices/a',
    'devices/aa/telemetry',
    '$SYS/x/new/clients',
    '$SYS/broker/clients',
    'telemetry',
    '/devices/a/telemetry',
    'devices//telemetry',
  ]
  test.each(foreign.flatMap(topic => ([0, 1, 2] as const).map(qos => [topic, qos] as const)))(
    'on %s at QoS %d',
    async (topic, qos) => {
      const socket = await loggedIn()
      const packet = publishPacket(topic, qos === 0 ? 0 : 7, '{"stolen":1}', { qos })
      socket.send(packet)
      await until(() => socket.closed, 1000)
      expect(socket.packets.filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec')).toEqual([])
    },
  )
  test('…and the listeners and the tables have none of it', expectNothing)
})

test('a SUBSCRIBE gets 128 for each filter that is not its own, and its own in the same packet are granted', async () => {
  const socket = await loggedIn()
  const denied = [
    'devices/b/commands',
    '#',
    '+/+/#',
    '/#',
    '$SYS/#',
    '$share/g/devices/a/commands',
    'devices/aa/#',
    'devices/+/commands',
    'homes/home/devices/a/#',
  ]
  socket.send(subscribePacket(['devices/a/commands', ...denied, 'devices/a/desired']))
  const { granted } = await socket.next('suback')
  expect(granted).toEqual([1, ...denied.map(() => 128), 1])
  await socket.end()
})

test('a kept session with a denied filter hears nothing of it when it comes back', async () => {
  const kept = { clean: false }
  const first = await loggedIn(kept)
  first.send(subscribePacket(['devices/a/commands', 'devices/b/log', 'homes/home/devices/b/log']))
  expect((await first.next('suback')).granted).toEqual([1, 128, 128])
  await first.end()
  const b = await hub.client.post<{ api_key: string }>('/devices/b/keys')
  const other = raw().connect('b', { password: Buffer.from(b.api_key) })
  await other.next('connack')
  other.send(publishPacket('devices/b/log', 3, '{"message":"mine"}'))
  await other.next('puback')
  const { command } = await hub.client.post<{ command: { id: string } }>('/devices/a/commands', { name: 'x' })
  const again = await loggedIn(kept)
  again.send(subscribePacket(['devices/a/commands']))
  const got = await again.next('publish')
  expect(got.topic).toBe('devices/a/commands')
  expect(got.payload.toString()).toContain(command.id)
  expect(again.packets.filter(packet => packet.cmd === 'publish' && packet.topic.includes('/b/'))).toEqual([])
  await again.end()
  await other.end()
})

test.each([
  ['another device’s topic', 'devices/b/event'],
  ['$SYS', '$SYS/x/new/clients'],
  ['a wildcard', 'devices/a/#'],
  ['101 levels', `devices/a/${'x/'.repeat(99)}x`],
])('a will on %s is refused with return code 5 and never fires', async (_, topic) => {
  const socket = raw().connect(
    'a',
    credentials({ will: { topic, payload: Buffer.from('"will"'), qos: 1, retain: true } }),
  )
  expect(await socket.next('connack')).toMatchObject({ returnCode: 5 })
  await until(() => socket.closed)
})

test('the key of one device with the id of another is return code 2, and the other stays up', async () => {
  const { api_key } = await hub.client.post<{ api_key: string }>('/devices/b/keys')
  const victim = raw().connect('b', { password: Buffer.from(api_key) })
  await victim.next('connack')
  const thief = raw().connect('b', { username: 'a', password: Buffer.from(key) })
  expect(await thief.next('connack')).toMatchObject({ returnCode: 2 })
  victim.send({ cmd: 'pingreq' })
  await victim.next('pingresp')
  await victim.end()
})

test('missing, empty, huge and NUL credentials get the right return code and are closed', async () => {
  const huge = Buffer.alloc(3000, 'x')
  const attempts: [string, Raw, number][] = [
    ['no credentials', raw().send(connectBytes('a', 4, 0x02)), 4],
    ['an empty password', raw().connect('a', { password: Buffer.alloc(0) }), 4],
    ['a huge password', raw().connect('a', { password: huge }), 4],
    ['NUL in the password', raw().connect('a', { password: Buffer.from(`${key}\0`) }), 4],
    ['NUL in the user name', raw().send(connectBytes('a', 4, 0xc2, 'a\0', key)), 4],
    ['a wrong key', raw().connect('a', { password: Buffer.from(`${key.slice(0, -1)}!`) }), 4],
    ['an empty id and a wrong key', raw().send(connectPacket('', { clean: true, password: Buffer.from('none') })), 4],
  ]
  for (const [what, socket, returnCode] of attempts) {
    expect([what, (await socket.next('connack')).returnCode]).toEqual([what, returnCode])
    await until(() => socket.closed)
  }
  const over = raw().connect('a', { password: Buffer.alloc(60_000, 'x') })
  await until(() => over.closed)
  await expectNothing()
})
