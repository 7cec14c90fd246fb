import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Done } from '../../src/inbound.js'
import { connectPerson, type Running, startBroker, until } from './harness.js'
import { connectPacket, publishPacket, rawDevice, subscribePacket } from './raw.js'

const unlimited = { HEARTH_LIMIT_DEVICE_MESSAGES: '0' }
const topic = 'devices/d1/telemetry'
const bytewise = (bytes: Buffer) => Array.from(bytes, byte => Buffer.from([byte]))
const bytesOf = (...packets: Packet[]) => Buffer.concat(packets.map(packet => mqttPacket.generate(packet)))

/** A device whose bytes reach the broker in the chunks they are said in. */
async function chunkedDevice({ broker }: Running) {
  const answers: string[] = []
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  parser.on('packet', ({ cmd, messageId }) => answers.push(messageId === undefined ? cmd : `${cmd} ${messageId}`))
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      parser.parse(chunk)
      done()
    },
  })
  onTestFinished(() => void stream.destroy())
  broker.handle(stream, { address: '127.0.0.1', transport: 'tcp', socket: new Socket() })
  const say = async (...chunks: Buffer[]) => {
    for (const chunk of chunks) {
      if (!stream.destroyed) stream.push(chunk)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  await say(bytesOf(connectPacket('d1')))
  await until(() => answers.includes('connack'))
  answers.length = 0
  return { say, answers, stream }
}

/** One of each kind, and lengths of one, two and three bytes. */
const mixed = bytesOf(
  publishPacket(topic, 1, '{"a":1}'),
  publishPacket(topic, 2, 'x'.repeat(200), { dup: true }),
  publishPacket(topic, 0, 'no acknowledgement'),
  publishPacket('devices/d1/event', 3, 'elsewhere', { retain: true }),
  publishPacket(topic, 4, 'back again'),
  publishPacket(topic, 5, 'exactly once', { qos: 2 }),
  { cmd: 'pingreq' },
  publishPacket(topic, 6, ''),
)
const read = [
  'telemetry 1 false {"a":1}',
  `telemetry 2 true ${'x'.repeat(200)}`,
  'telemetry null false no acknowledgement',
  'event 3 false elsewhere',
  'telemetry 4 false back again',
  'telemetry 5 false exactly once',
  'telemetry 6 false ',
]
const answered = ['pingresp', 'puback 1', 'puback 2', 'puback 3', 'puback 4', 'puback 6', 'pubcomp 5', 'pubrec 5']

describe('packets', () => {
  test('are the same ones wherever the chunks that bring them end', { timeout: 60_000 }, async () => {
    const running = await startBroker(unlimited)
    const { messages } = running.recorder
    const { say, answers } = await chunkedDevice(running)
    const everyByte = bytewise(mixed)
    const halves = everyByte.map((_, at) => [mixed.subarray(0, at), mixed.subarray(at)].filter(part => part.length > 0))
    for (const chunks of [everyByte, ...halves]) {
      await say(...chunks)
      await until(() => answers.includes('pubrec 5'))
      await say(bytesOf({ cmd: 'pubrel', messageId: 5 }))
      await until(() => answers.length === answered.length, `answers to ${chunks.map(({ length }) => length)}`)
      const said = messages
        .splice(0)
        .map(({ rest, message_id, dup, payload }) => `${rest} ${message_id} ${dup} ${payload}`)
      expect(said).toEqual(read)
      expect(answers.filter(answer => answer.startsWith('puback'))).toEqual(answered.slice(1, 6))
      expect(answers.splice(0).sort()).toEqual(answered)
    }
  })

  test('of 20 kB to 256 KiB are whole, between small ones', async () => {
    const running = await startBroker(unlimited)
    const { messages } = running.recorder
    const device = await rawDevice(running.port, 'd1')
    const sizes = [10, 20_000, 10, 100_000, 10, 256 * 1024 - topic.length - 4, 10]
    device.send(...sizes.map((size, i) => publishPacket(topic, i + 1, Buffer.alloc(size, 65 + i))))
    await until(() => device.acks === sizes.length)
    expect(messages.map(({ payload }) => payload.length)).toEqual(sizes)
    expect(messages.every(({ payload }, i) => payload.every(byte => byte === 65 + i))).toBe(true)
  })
})

describe.each(['in the same chunk', 'byte by byte'])('behind a good publish %s', how => {
  const good = publishPacket(topic, 1, 'good')
  /** As the good one, with some bytes written over. */
  const spoiled = (at: number, ...bytes: number[]) => {
    const packet = bytesOf(publishPacket(topic, 2, 'bad'))
    packet.set(bytes, at)
    return packet
  }
  const cases: [string, Buffer, string][] = [
    ['a packet identifier of 0', spoiled(4 + topic.length, 0, 0), 'protocol'],
    ['QoS 3', spoiled(0, 0x36), 'protocol'],
    ['a topic longer than its packet', spoiled(2, 0xff, 0xff), 'protocol'],
    [
      'a packet that ends within its topic',
      Buffer.concat([Buffer.from([0x32, 4, 0, topic.length]), Buffer.from('de')]),
      'protocol',
    ],
    [
      'a packet that ends before its identifier',
      Buffer.concat([Buffer.from([0x32, 2 + topic.length, 0, topic.length]), Buffer.from(topic)]),
      'protocol',
    ],
    ['a length of five bytes', Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0x01]), 'protocol'],
    ['a packet of more than 256 KiB', Buffer.from([0x32, 0x81, 0x80, 0x10, 0, topic.length]), 'too_large'],
    ['another device’s topic', bytesOf(publishPacket('devices/d2/telemetry', 2)), 'forbidden'],
    ['a topic that begins alike', bytesOf(publishPacket(`${topic}/+`, 2)), 'forbidden'],
    ['a type that there is not', Buffer.from([0x00, 7]), 'protocol'],
    ['a reserved type', Buffer.from([0xf0, 0]), 'protocol'],
    ['a farewell', bytesOf({ cmd: 'disconnect' }), 'clean'],
  ]
  test.each(cases)('%s ends the connection, and nothing more is read', async (_what, bytes, reason) => {
    const running = await startBroker(unlimited)
    const { messages, events } = running.recorder
    const { say, stream } = await chunkedDevice(running)
    const all = Buffer.concat([bytesOf(good), bytes, bytesOf(publishPacket(topic, 3, 'too late'))])
    await say(...(how === 'byte by byte' ? bytewise(all) : [all]))
    await until(() => stream.destroyed && events.length === 2)
    expect(events).toEqual(['+d1', `-d1 ${reason}`])
    expect(messages.map(({ payload }) => payload.toString())).toEqual(['good'])
  })
})

test('a device is not read from while a thousand of its messages are not committed, and loses none of them', async () => {
  const { port, recorder } = await startBroker(unlimited)
  const held: Done[] = []
  recorder.onReceive = (_message, done) => held.push(done)
  const device = await rawDevice(port, 'd1')
  const count = 20_000
  device.send(...Array.from({ length: count }, (_, i) => publishPacket(topic, i + 1, String(i))))
  await until(() => held.length >= 1000)
  // What was in the same chunk of 16 KiB is taken as well
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(held.length).toBeLessThan(2000)
  recorder.onReceive = (_message, done) => done(null)
  for (const done of held) done(null)
  await until(() => device.acks === count)
  expect(recorder.messages.map(({ payload }) => Number(payload))).toEqual(Array.from({ length: count }, (_, i) => i))
})

test('who begins to listen to a topic that nobody listened to hears it from then on', async () => {
  const running = await startBroker(unlimited)
  const device = await rawDevice(running.port, 'd1')
  const person = await connectPerson(running)
  const heard: string[] = []
  person.on('message', (_topic, payload) => heard.push(payload.toString()))
  const say = async (id: number, payload: string) => {
    device.send(publishPacket(topic, id, payload))
    await device.next('puback')
  }
  await say(1, 'unheard')
  await person.subscribeAsync('homes/home-d1/devices/+/telemetry', { qos: 1 })
  await say(2, 'heard')
  await until(() => heard.length === 1)
  await person.unsubscribeAsync('homes/home-d1/devices/+/telemetry')
  await say(3, 'unheard')
  await person.subscribeAsync(`homes/home-d1/${topic}`, { qos: 1 })
  await say(4, 'heard again')
  await until(() => heard.length === 2)
  device.send(subscribePacket([topic]))
  await device.next('suback')
  await say(5, 'by itself, too')
  expect((await device.next('publish')).topic).toBe(topic)
  await until(() => heard.length === 3)
  expect(heard).toEqual(['heard', 'heard again', 'by itself, too'])
})
