import { describe, expect, test } from 'vitest'
import type { Sessions } from '../../broker/sessions.js'
import { connectDevice, ours, stock, type Target, until } from './harness.js'
import { publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

describe('a kept session with overlapping filters', () => {
  /** Two messages in one chunk; then the subscriber comes back. What it got, and whether it was thrown out. */
  const overlapping = async (target: Target) => {
    const subscriber = new Raw(target.port).connect('user-a', { password: Buffer.from('person1:admin'), clean: false })
    await subscriber.next('connack')
    subscriber.send(subscribePacket(['#', target.seenAs('d1', '#'), target.seenAs('d1', 'telemetry')]))
    await subscriber.next('suback')
    const device = await rawDevice(target.port, 'd1')
    device.send(publishPacket('devices/d1/telemetry', 1, 'a'), publishPacket('devices/d1/telemetry', 2, 'b'))
    await until(() => device.acks === 2)
    device.send(publishPacket('devices/d1/telemetry', 3, 'last'))
    const got: string[] = []
    await until(() => {
      for (const packet of subscriber.packets.splice(0)) {
        if (packet.cmd !== 'publish') continue
        got.push(String(packet.payload))
        subscriber.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
      }
      return got.includes('last') || subscriber.closed
    })
    const thrownOut = subscriber.closed
    if (!thrownOut) await subscriber.send({ cmd: 'pingreq' }).next('pingresp')
    await subscriber.end()
    await until(() => target.clients() === 1)
    const back = new Raw(target.port).connect('user-a', { password: Buffer.from('person1:admin'), clean: false })
    await back.send({ cmd: 'pingreq' }).next('pingresp')
    return { got, thrownOut, again: back.packets.filter(packet => packet.cmd === 'publish').length }
  }
  test('gets each message once, and none again', async () => {
    expect(await overlapping(await ours())).toEqual({ got: ['a', 'b', 'last'], thrownOut: false, again: 0 })
  })
  test('stock Aedes: is thrown out, or gets them again (aedes#543)', async () => {
    const { thrownOut, again } = await overlapping(await stock())
    expect(thrownOut || again > 0).toBe(true)
  })
})

describe('what a session has kept', () => {
  const who = { password: Buffer.from('person1:admin'), clean: false }
  async function awayWhile(target: Target, payloads: readonly string[]): Promise<void> {
    const subscriber = new Raw(target.port).connect('user-a', who)
    subscriber.send(subscribePacket([target.seenAs('d1', 'telemetry')]))
    await subscriber.next('suback')
    await subscriber.end()
    const device = await connectDevice(target, 'd1')
    for (const payload of payloads) await device.publishAsync('devices/d1/telemetry', payload, { qos: 1 })
    await device.endAsync()
  }
  /** Acknowledges what comes, and notes it. */
  function reading(target: Target, seen: Set<string>): Raw {
    const reader = new Raw(target.port).connect('user-a', who)
    reader.parser.on('packet', packet => {
      if (packet.cmd !== 'publish') return
      seen.add(String(packet.payload).slice(0, 8).trim())
      reader.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
    })
    return reader
  }

  test('arrives whole, however much it is, at a reader that reads', async () => {
    const target = await ours()
    const payloads = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(8) + 'x'.repeat(25_000))
    await awayWhile(target, payloads)
    const seen = new Set<string>()
    const reader = reading(target, seen)
    await until(() => seen.size === 40 || reader.closed)
    expect(seen.size).toBe(40)
  })

  test('survives takeovers in the midst of it', async () => {
    const target = await ours()
    await awayWhile(
      target,
      Array.from({ length: 800 }, (_, i) => `${i}`.padEnd(8) + 'x'.repeat(1000)),
    )
    const seen = new Set<string>()
    for (let i = 0; i < 6; i++) {
      const before = seen.size
      const reader = reading(target, seen)
      await until(() => seen.size > before || reader.closed)
    }
    reading(target, seen)
    await until(() => seen.size === 800)
  })
})

describe('a persistence that fails', () => {
  test('everywhere ends no process, and nothing that it should keep is acknowledged', async () => {
    const fail = () => Promise.reject(new Error('the sessions are gone'))
    const broken = (sessions: Sessions) => {
      sessions.queues.keep = fail
      sessions.retained.store = fail
      sessions.retained.match = () => {
        throw new Error('the disk is gone')
      }
      Object.assign(sessions, { left: fail, restore: fail, reconcile: fail, outgoingClearMessageId: fail })
    }
    const target = await ours({}, { unruly: broken })
    const device = new Raw(target.port).connect('d1')
    device.send(publishPacket('devices/d1/telemetry', 1, '{}'))
    await until(() => target.recorder.events.includes('-d1 storage'))
    expect(device.acks).toBe(0)
    expect(target.recorder.messages).toHaveLength(1)
    await expect(target.broker.publish('homes/h/alerts', 'x', { retain: true })).rejects.toThrow('gone')
    const reader = (await rawDevice(target.port, 'd2', { clean: false })).send(subscribePacket(['devices/d2/#']))
    await reader.next('suback')
    await until(() => reader.closed)
    await until(() => target.recorder.events.includes('-d2 storage'))
    target.broker.disconnect({ device_id: 'd2' }, 'revoked')
    const again = new Raw(target.port).connect('d2', { clean: false })
    await until(() => again.closed)
  })

  test('to answer holds nobody for longer than 10 s', async () => {
    const target = await ours({}, { unruly: ({ queues }) => (queues.keep = () => new Promise(() => undefined)) })
    const start = performance.now()
    await expect(target.broker.publish('homes/h/alerts', 'x', { qos: 1 })).rejects.toThrow('in time')
    expect(performance.now() - start).toBeLessThan(11_000)
  })
})
