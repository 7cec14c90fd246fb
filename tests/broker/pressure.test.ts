import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import mqttPacket from 'mqtt-packet'
import { describe, expect, onTestFinished, test } from 'vitest'
import websocket from 'websocket-stream'
import { WebSocket } from 'ws'
import type { Core } from '../../broker/broker.js'
import type { Done } from '../../src/inbound.js'
import type { Flood } from './flood.js'
import { connectDevice, connectPerson, ours, startBroker, stock, type Target, until } from './harness.js'
import { connectPacket, publishPacket, Raw, rawDevice, subscribePacket } from './raw.js'

const percentile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0

/** Latencies are measured here: a neighbour on the same cores may spoil one run. */
const onBusyMachines = { retry: 2 }

function startFlood(flood: Flood) {
  const state = { acknowledged: false }
  const worker = new Worker(new URL('./flood.js', import.meta.url), { workerData: flood })
  worker.on('message', () => {
    state.acknowledged = true
  })
  onTestFinished(async () => void (await worker.terminate()))
  return state
}

describe('a subscriber that does not read', () => {
  const stalled = async (target: Target, qos: 0 | 1) => {
    const { port } = target
    const reader = new Raw(port).connect('user-slow', { password: Buffer.from('person1:admin') })
    await reader.next('connack')
    reader.send(
      subscribePacket(
        ['l1', 'l2'].map(id => target.seenAs(id, 'telemetry')),
        qos,
      ),
    )
    await reader.next('suback')
    reader.socket.pause()
    const person = await connectPerson(target, 'person2:admin')
    await person.subscribeAsync(target.seenAs('d2', 'telemetry'))
    const latencies: number[] = []
    let sent = 0
    person.on('message', () => latencies.push(performance.now() - sent))
    const quiet = await rawDevice(port, 'd2')
    const flood = startFlood({ port, ids: ['l1', 'l2'], count: 1200, size: 10_000, burst: 20, every: 10 })
    while (!flood.acknowledged && latencies.length < 200) {
      const { length } = latencies
      sent = performance.now()
      quiet.send(publishPacket('devices/d2/telemetry', 0, '{}'))
      await until(() => latencies.length > length || performance.now() - sent > 1500)
      if (latencies.length === length) return { p99: 1500, flood }
      await sleep(5)
    }
    return { p99: percentile(latencies, 0.99), flood }
  }
  test('at QoS 1 is closed at 1 MiB, and delays nobody', onBusyMachines, async () => {
    const target = await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const { p99 } = await stalled(target, 1)
    expect(p99).toBeLessThan(100)
    await until(() => target.broker.stats().closed.slow === 1)
  })
  test(
    'at QoS 0 misses what does not fit, delays nobody, and is cut when it has read nothing for 5 s',
    onBusyMachines,
    async () => {
      const target = await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
      const { p99, flood } = await stalled(target, 0)
      expect(p99).toBeLessThan(100)
      await until(() => flood.acknowledged)
      await until(() => target.broker.stats().dropped_slow > 0)
      const start = performance.now()
      await until(() => target.broker.stats().closed.slow === 1)
      expect(performance.now() - start).toBeLessThan(6500)
    },
  )
  test('does not hold up who publishes to it while there is room', async () => {
    const { port, broker } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const reader = new Raw(port).connect('user-slow', { password: Buffer.from('person1:admin') })
    await reader.next('connack')
    reader.send(subscribePacket(['#'], 0))
    await reader.next('suback')
    reader.socket.pause()
    const waiting = () => Math.max(...[...(broker as Core).registry.all].map(conn => conn.unwritten()))
    while (waiting() < 200_000) await broker.publish('homes/h/alerts', Buffer.alloc(20_000))
    const device = await rawDevice(port, 'd1')
    device.send(...Array.from({ length: 5000 }, (_, i) => publishPacket('devices/d1/e', i + 1, '')))
    await until(() => device.acks === 5000, 'acknowledging all', 3000)
    expect(waiting()).toBeLessThan(1_000_000)
  })
  test('stock Aedes: stops others, too', async () => {
    const target = await stock({ concurrency: 5 })
    expect((await stalled(target, 0)).p99).toBe(1500)
  })

  test('for a moment only gets every retained message, though they are more than the bound', async () => {
    const { broker, port } = await startBroker()
    const payload = Buffer.alloc(20_000, 32)
    for (let i = 0; i < 800; i++) await broker.publish(`homes/h/devices/d${i}/state`, payload, { qos: 1, retain: true })
    const person = new Raw(port).connect('user-a', { password: Buffer.from('person1:admin') })
    await person.next('connack')
    person.send(subscribePacket(['homes/h/#']))
    await person.next('suback')
    person.socket.pause()
    await sleep(500)
    person.socket.resume()
    await until(() => person.closed || person.packets.length === 800)
    expect(person.packets).toHaveLength(800)
  })
})

test('a publisher that never reads its acknowledgements is not read from, and cut after 5 s', async () => {
  const target = await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
  const raw = await rawDevice(target.port, 'd1')
  raw.socket.pause()
  const burst = Buffer.concat(
    Array.from({ length: 1000 }, (_, i) => mqttPacket.generate(publishPacket('devices/d1/e', i + 1, ''))),
  )
  const feed = () => {
    while (!raw.socket.destroyed && raw.socket.write(burst));
  }
  raw.socket.on('drain', feed)
  feed()
  await until(() => target.broker.stats().closed.slow === 1, 'cutting', 25_000)
}, 30_000)

describe('ten times the message quota', () => {
  test(
    'is slowed down to the quota, nothing is lost, and others are acknowledged as fast as before',
    onBusyMachines,
    async () => {
      const { port, recorder, broker } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '100' })
      const quiet = await connectDevice({ port }, 'd2')
      const measure = async () => {
        const times: number[] = []
        for (let i = 0; i < 100; i++) {
          const start = performance.now()
          await quiet.publishAsync('devices/d2/telemetry', '{}', { qos: 1 })
          times.push(performance.now() - start)
          await sleep(5)
        }
        return percentile(times, 0.99)
      }
      const calm = await measure()
      const start = performance.now()
      const flood = startFlood({ port, ids: ['d1'], count: 400, size: 2, burst: 10, every: 10 })
      await until(() => recorder.messages.some(({ device }) => device.id === 'd1'))
      const busy = await measure()
      await until(() => flood.acknowledged)
      const took = performance.now() - start
      expect(took).toBeGreaterThan(2300)
      expect(took).toBeLessThan(4500)
      expect(busy).toBeLessThan(Math.max(2 * calm, 25))
      expect(recorder.messages.filter(({ device }) => device.id === 'd1')).toHaveLength(400)
      expect(broker.stats().closed).toEqual({})
    },
  )
  test('a large message counts for each of its kilobytes: what comes after it waits until that is made up for', async () => {
    const { port, recorder } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '100' })
    const device = await connectDevice({ port }, 'd1')
    const start = performance.now()
    await device.publishAsync('devices/d1/telemetry', Buffer.alloc(200 << 10, 32), { qos: 1 })
    await device.publishAsync('devices/d1/telemetry', '{}', { qos: 1 })
    // A second's worth was there; the other is made up for.
    expect(performance.now() - start).toBeGreaterThan(900)
    expect(recorder.messages).toHaveLength(2)
  })
  test('a slowed device is not taken for dead', async () => {
    const { port, recorder } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '10' })
    const device = await rawDevice(port, 'd1', { keepalive: 1 })
    device.send(...Array.from({ length: 60 }, (_, i) => publishPacket('devices/d1/e', i + 1, '')))
    await until(() => device.acks === 60 || device.closed, 'all acknowledged', 15_000)
    device.send(publishPacket('devices/d1/e', 61, ''))
    await until(() => device.acks === 61 || device.closed, 'all acknowledged', 15_000)
    expect(recorder.events).toEqual(['+d1'])
  })
})

describe('publishes over WebSocket that are not committed', () => {
  /** How many of 600 messages of 60 kB are taken in while none is committed. */
  const takenIn = async (port: number, target: Pick<Target, 'recorder'>) => {
    const held: Done[] = []
    target.recorder.onReceive = (_message, done) => held.push(done)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt')
    onTestFinished(() => socket.terminate())
    await new Promise(resolve => socket.once('open', resolve))
    socket.send(mqttPacket.generate(connectPacket('d1')))
    await new Promise(resolve => socket.once('message', resolve))
    let acks = 0
    socket.on('message', data => {
      acks += (data as Buffer).length / 4
    })
    for (let i = 1; i <= 600; i++)
      socket.send(mqttPacket.generate(publishPacket('devices/d1/telemetry', i, Buffer.alloc(60_000, 32))))
    await until(() => held.length > 0)
    for (let before = -1; before !== held.length; ) {
      before = held.length
      await sleep(200)
    }
    const { length: count } = held
    const unsent = socket.bufferedAmount
    target.recorder.onReceive = (_message, done) => done(null)
    for (const done of held) done(null)
    await until(() => acks === 600)
    return { count, unsent }
  }
  test('are bounded: the socket is not read from above a megabyte, and read on afterwards', async () => {
    const target = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const { count, unsent } = await takenIn(target.ws_port, target)
    expect(count).toBeLessThan(40)
    expect(unsent).toBeGreaterThan(20e6)
  })
  test('stock Aedes on a stock stream: all of them are taken in', async () => {
    const target = await stock()
    const http = createServer()
    const server = new websocket.Server({ server: http })
    server.on('stream', stream => target.aedes.handle(stream))
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void http.close())
    const { count } = await takenIn((http.address() as { port: number }).port, target)
    expect(count).toBe(600)
  })
})
