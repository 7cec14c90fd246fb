import { setTimeout as sleep } from 'node:timers/promises'
import mqttPacket from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { connectDevice, ours, startBroker, stock, type Target, until } from './harness.js'
import { connectPacket, publishPacket, Raw, rawDevice } from './raw.js'

/** The head of a packet that announces 256 MB. */
const announced = Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])

describe('a packet that announces 256 MB', () => {
  const flood = async ({ port }: Target) => {
    const raw = new Raw(port).send(announced)
    const chunk = Buffer.alloc(1024 * 1024)
    const feed = () => {
      while (!raw.socket.destroyed && raw.socket.write(chunk));
    }
    raw.socket.on('drain', feed)
    await until(() => raw.socket.readyState === 'open' || raw.closed)
    let end = 0
    raw.socket.once('close', () => {
      end = performance.now()
    })
    const start = performance.now()
    feed()
    await until(() => raw.closed || raw.socket.bytesWritten > 40e6)
    return { closed: raw.closed, took: end - start }
  }
  test('before login closes the socket within 100 ms, and takes no memory', async () => {
    const target = await ours()
    const before = process.memoryUsage().rss
    const floods = await Promise.all(Array.from({ length: 4 }, () => flood(target)))
    for (const { closed, took } of floods) {
      expect(closed).toBe(true)
      expect(took).toBeLessThan(100)
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(40e6)
  })
  test('stock Aedes: is read on and on', async () => {
    expect((await flood(await stock())).closed).toBe(false)
  })
  test('after login: 256 KiB are taken, one byte more closes the connection as too large', async () => {
    const { port, recorder } = await startBroker()
    const device = await connectDevice({ port }, 'd1')
    const topic = 'devices/d1/telemetry'
    const room = 256 * 1024 - 2 - topic.length - 2
    await device.publishAsync(topic, Buffer.alloc(room, 32), { qos: 1 })
    expect(recorder.messages).toHaveLength(1)
    device.publish(topic, Buffer.alloc(room + 1, 32), { qos: 1 })
    await until(() => recorder.events.includes('-d1 too_large'))
    expect(recorder.messages).toHaveLength(1)
  })
})

describe('whoever is slow to log in', () => {
  test('is cut within 5 to 6 s: silent, or a byte of CONNECT a second', async () => {
    const { port } = await startBroker()
    const silent = new Raw(port)
    const slow = new Raw(port)
    const connect = mqttPacket.generate(connectPacket('d1'))
    let sent = 0
    const timer = setInterval(() => slow.socket.write(connect.subarray(sent, ++sent)), 1000)
    await until(() => silent.closed && slow.closed)
    clearInterval(timer)
    for (const raw of [silent, slow]) expect((raw.closed_at ?? 0) - raw.opened_at).toBeGreaterThan(4500)
    for (const raw of [silent, slow]) expect((raw.closed_at ?? 0) - raw.opened_at).toBeLessThan(6000)
  })
  test('because the hub does not answer is told 3 after 5 s', async () => {
    const { port, recorder } = await startBroker()
    recorder.onAuthenticate = () => new Promise(() => undefined)
    const raw = new Raw(port).connect('d1')
    expect(await raw.next('connack')).toMatchObject({ returnCode: 3 })
    expect(performance.now() - raw.opened_at).toBeGreaterThan(4500)
    await until(() => raw.closed)
  })
  test('stock Aedes: because authenticate does not answer, waits for ever', async () => {
    const { port, recorder } = await stock({ connectTimeout: 500 })
    recorder.onAuthenticate = () => new Promise(() => undefined)
    const raw = new Raw(port).connect('d1')
    await sleep(1500)
    expect(raw.closed).toBe(false)
  })
  test('a store that does not answer in 10 s: no PUBACK, closed', { timeout: 20_000 }, async () => {
    const { port, recorder } = await startBroker()
    recorder.onReceive = () => undefined
    const raw = (await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry'))
    await until(() => raw.closed, 'closing', 15_000)
    expect(raw.acks).toBe(0)
    await until(() => recorder.events.includes('-d1 storage'))
  })
})

describe('half-open connections', () => {
  test('beyond 50 of one address are not kept, and a device elsewhere connects at once', async () => {
    const { port, broker } = await startBroker()
    const raws = Array.from({ length: 2000 }, () => new Raw(port))
    const worst: number[] = []
    let most = 0
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      const device = new Raw(port, '127.0.0.2').connect(`d${i}`)
      await device.next('connack')
      worst.push(performance.now() - start)
      most = Math.max(most, broker.stats().pending)
    }
    expect(most).toBeLessThanOrEqual(51)
    await until(() => raws.filter(raw => raw.closed).length >= 1950)
    expect(Math.max(...worst)).toBeLessThan(2000)
  })
  test('leave room again when they log in or end', async () => {
    const { port } = await startBroker({ HEARTH_LIMIT_PENDING_CONNECTIONS: '3' })
    for (let i = 0; i < 10; i++) await rawDevice(port, `d${i}`)
    const raws = Array.from({ length: 3 }, () => new Raw(port))
    await until(() => raws.every(raw => raw.socket.readyState === 'open'))
    const fourth = new Raw(port)
    await until(() => fourth.closed)
    await raws[0]?.end()
    await until(() => true)
    await rawDevice(port, 'd1')
  })
})
