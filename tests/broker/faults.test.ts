import { setTimeout as sleep } from 'node:timers/promises'
import memory, { type AedesPersistence } from 'aedes-persistence'
import type { MqttClient } from 'mqtt'
import { describe, expect, test } from 'vitest'
import type { Core } from '../../broker/broker.js'
import type { Sessions } from '../../broker/sessions.js'
import type { Done } from '../../src/inbound.js'
import { connectDevice, connectPerson, ours, stock, type Target, until } from './harness.js'
import { publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

/** Aedes' own persistence, in memory. */
const memoryPersistence = memory as unknown as () => AedesPersistence

/** What is heard, as `rest payload`, by a person who may hear everything. */
async function listenToAll(target: Target, options = {}): Promise<{ heard: string[]; person: MqttClient }> {
  const heard: string[] = []
  const person = await connectPerson(target, 'person1:admin', options)
  person.on('message', (_topic, payload) => heard.push(payload.toString()))
  return { heard, person }
}

describe('PUBACK', () => {
  test('comes after the message is committed, not before', async () => {
    const { port, recorder } = await ours()
    let commit: Done | undefined
    recorder.onReceive = (_message, done) => {
      commit = done
    }
    const device = (await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry', 7), { cmd: 'pingreq' })
    await device.next('pingresp')
    expect(device.acks).toBe(0)
    commit?.(null)
    expect(await device.next('puback')).toMatchObject({ messageId: 7 })
  })

  test('comes for each message when that one is committed', async () => {
    const { port, recorder } = await ours()
    const held: Done[] = []
    recorder.onReceive = (_message, done) => held.push(done)
    const device = await rawDevice(port, 'd1')
    device.send(...[1, 2, 3].map(id => publishPacket('devices/d1/telemetry', id)))
    await until(() => held.length === 3)
    const answered = async () => {
      await device.send({ cmd: 'pingreq' }).next('pingresp')
      return device.acks
    }
    held[1]?.(null)
    expect(await answered()).toBe(0)
    held[0]?.(null)
    expect(await answered()).toBe(2)
    held[0]?.(null)
    expect(await answered()).toBe(2)
    held[2]?.(null)
    expect(await answered()).toBe(3)
  })

  test('stock Aedes: a store that listens for publish is acknowledged before it has stored', async () => {
    const { aedes, port } = await stock()
    let stored = false
    aedes.on('publish', () => {
      setTimeout(() => {
        stored = true
      }, 50)
    })
    const device = (await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry', 7))
    await device.next('puback')
    expect(stored).toBe(false)
  })

  test('does not come when the commit failed: the connection is closed, and the hub says why', async () => {
    const { port, recorder, broker } = await ours()
    recorder.onReceive = (_message, done) => done(new Error('disk full'))
    const device = (await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry'))
    await until(() => device.closed)
    expect(device.acks).toBe(0)
    await until(() => recorder.events.includes('-d1 storage'))
    expect(broker.stats().closed).toEqual({ storage: 1 })
  })
})

describe('a retransmission', () => {
  test('is marked as one, so that the store can recognise it', async () => {
    const { port, recorder } = await ours()
    const device = await rawDevice(port, 'd1')
    device.send(publishPacket('devices/d1/telemetry', 3), publishPacket('devices/d1/telemetry', 3, '{}', { dup: true }))
    await until(() => device.acks === 2)
    expect(recorder.messages.map(({ dup, message_id }) => [dup, message_id])).toEqual([
      [false, 3],
      [true, 3],
    ])
  })

  const twice = async ({ port, recorder }: Target) => {
    const device = await rawDevice(port, 'd1')
    device.send(publishPacket('devices/d1/telemetry', 3, '{}', { qos: 2 }))
    await device.next('pubrec')
    device.send(publishPacket('devices/d1/telemetry', 3, '{}', { qos: 2, dup: true }))
    await device.next('pubrec')
    device.send({ cmd: 'pubrel', messageId: 3 })
    await device.next('pubcomp')
    return recorder.messages.length
  }
  test('at QoS 2 is received once', async () => expect(await twice(await ours())).toBe(1))
  test('stock Aedes: at QoS 2 is received twice', async () => expect(await twice(await stock())).toBe(2))
})

describe('messages of one device', () => {
  /** Every second commit takes longer than the one after it. */
  const outOfOrder = async (target: Target) => {
    const { heard, person } = await listenToAll(target)
    await person.subscribeAsync('#', { qos: 1 })
    let n = 0
    target.recorder.onReceive = (_message, done) => {
      if (n++ % 2 === 0) setTimeout(done, 20, null)
      else done(null)
    }
    const device = await rawDevice(target.port, 'd1')
    const ids = Array.from({ length: 20 }, (_, i) => i + 1)
    device.send(...ids.map(i => publishPacket('devices/d1/telemetry', i, String(i))))
    await until(() => device.acks === 20 && heard.length === 20)
    const acks = device.packets.flatMap(packet => (packet.cmd === 'puback' ? (packet.messageId ?? 0) : []))
    return { acks, heard: heard.map(Number), sent: ids }
  }
  test('are acknowledged and forwarded in their order, whatever order the commits end in', async () => {
    const { acks, heard, sent } = await outOfOrder(await ours())
    expect(acks).toEqual(sent)
    expect(heard).toEqual(sent)
  })
  test('stock Aedes: are reordered', async () => {
    const { acks, heard, sent } = await outOfOrder(await stock())
    expect(acks).not.toEqual(sent)
    expect(heard).not.toEqual(sent)
  })

  let n = 0
  const delay = () => sleep((n++ * 7) % 9)
  /** A persistence whose answers take from none to 8 ms. */
  const varying = () => {
    const inner = memoryPersistence()
    const { subscriptionsByTopic, outgoingEnqueueCombi } = inner
    inner.subscriptionsByTopic = async (...given: unknown[]) => {
      await delay()
      return Reflect.apply(subscriptionsByTopic, inner, given)
    }
    inner.outgoingEnqueueCombi = async (...given: unknown[]) => {
      await delay()
      return Reflect.apply(outgoingEnqueueCombi, inner, given)
    }
    return inner
  }
  /** The same of ours: what settles with a commit settles later still. */
  const varyingCommits = ({ queues }: Sessions) => {
    const { keep } = queues
    queues.keep = (...given) => keep.apply(queues, given)?.then(delay) ?? null
  }
  const slowSessions = async (target: Target, count: number, enough: number) => {
    const { heard, person } = await listenToAll(target, { clean: false })
    await person.subscribeAsync(target.seenAs('d1', 'telemetry'), { qos: 1 })
    const device = await rawDevice(target.port, 'd1')
    const ids = Array.from({ length: count }, (_, i) => i + 1)
    device.send(...ids.map(i => publishPacket('devices/d1/telemetry', i, String(i))))
    await until(() => device.acks === count && heard.length >= enough, 'all delivered', 20_000)
    return { heard: heard.map(Number), sent: ids }
  }
  test('all arrive, in order, though the sessions are slow and their latency varies', async () => {
    const { heard, sent } = await slowSessions(
      await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' }, { unruly: varyingCommits }),
      200,
      200,
    )
    expect(heard).toEqual(sent)
  })
  test('stock Aedes: most are acknowledged and not delivered (aedes#994), or the subscriber is disconnected (aedes#543)', async () => {
    const target = await stock({ persistence: varying() })
    const { heard, sent } = await slowSessions(target, 200, 0)
    await sleep(300)
    expect(heard.length).toBeLessThan(sent.length / 2)
  })

  test('reach a subscriber with overlapping filters once', async () => {
    const target = await ours()
    const { heard, person } = await listenToAll(target)
    await person.subscribeAsync(['homes/home-d1/#', 'homes/+/devices/#', '#'], { qos: 1 })
    const device = await connectDevice(target, 'd1')
    for (let i = 0; i < 50; i++) await device.publishAsync('devices/d1/telemetry', String(i), { qos: 1 })
    await device.publishAsync('devices/d1/telemetry', 'last', { qos: 1 })
    await until(() => heard.includes('last'))
    expect(heard).toHaveLength(51)
  })
})

describe('a SUBSCRIBE with allowed and denied filters on a kept session', () => {
  const mixed = async (target: Target) => {
    const spy = await rawDevice(target.port, 'd1', { clean: false })
    spy.send(subscribePacket(['devices/d1/commands', target.seenAs('d2', 'telemetry')]))
    const { granted } = await spy.next('suback')
    await spy.end()
    await until(() => target.clients() === 0)
    const victim = await connectDevice(target, 'd2')
    await victim.publishAsync('devices/d2/telemetry', 'secret', { qos: 1 })
    const back = await rawDevice(target.port, 'd1', { clean: false })
    back.send({ cmd: 'pingreq' })
    await back.next('pingresp')
    return { granted, foreign: back.packets.filter(packet => packet.cmd === 'publish').length }
  }
  test('stores the allowed ones only', async () => {
    const target = await ours()
    expect(await mixed(target)).toEqual({ granted: [1, 128], foreign: 0 })
    const stored = await target.sessions.subscriptionsByClient({ id: 'd1' })
    expect(stored.map(({ topic }) => topic)).toEqual(['homes/home-d1/devices/d1/commands'])
  })
  test('stock Aedes: stores the denied ones and delivers to them', async () => {
    expect(await mixed(await stock())).toEqual({ granted: [1, 128], foreign: 1 })
  })
})

describe('a client that pipelines', () => {
  const pipelined = async ({ port }: Target) => {
    const raw = new Raw(port).connect('d1')
    raw.send(...Array.from({ length: 60 }, (_, i) => publishPacket('devices/d1/telemetry', i + 1)))
    await until(() => raw.acks === 60 || raw.closed)
    return raw.acks
  }
  test('60 messages behind its CONNECT has them all accepted [MQTT-3.1.4-5]', async () => {
    const target = await ours()
    target.recorder.onAuthenticate = () => sleep(30)
    expect(await pipelined(target)).toBe(60)
    expect(target.recorder.messages).toHaveLength(60)
  })
  test('stock Aedes: is disconnected', async () => {
    const target = await stock()
    target.recorder.onAuthenticate = () => sleep(30)
    expect(await pipelined(target)).toBe(0)
  })
})

describe('the keepalive', () => {
  test.each([0, 5000])('of %i s is made 1200 s, and the client accepted', async keepalive => {
    const { port, broker } = await ours()
    await rawDevice(port, 'd1', { keepalive })
    const client = (broker as Core).inside.clients.d1 as unknown as { _keepaliveInterval: number }
    expect(client._keepaliveInterval).toBe(1_800_001)
  })
  test('stock Aedes: with a limit it answers a code that MQTT 3.1.1 does not have', async () => {
    const { port } = await stock({ keepaliveLimit: 1200 })
    expect(await new Raw(port).connect('d1', { keepalive: 0 }).next('connack')).toMatchObject({ returnCode: 6 })
  })
  test('that passes without a packet ends the connection as such', async () => {
    const { port, recorder } = await ours()
    await rawDevice(port, 'd1', { keepalive: 1 })
    await until(() => recorder.events.includes('-d1 keepalive'))
  })
})
