import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import mqttPacket from 'mqtt-packet'
import { describe, expect, onTestFinished, test } from 'vitest'
import websocket from 'websocket-stream'
import { WebSocket } from 'ws'
import type { Done } from '../../broker/contract.js'
import {
  connectDevice,
  connectPacket,
  connectPerson,
  ours,
  publishPacket,
  Raw,
  rawDevice,
  startBroker,
  stock,
  subscribePacket,
  type Target,
  until,
} from './harness.js'

const percentile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
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
    const start = performance.now()
    feed()
    await until(() => raw.closed || raw.socket.bytesWritten > 40e6)
    return { closed: raw.closed, took: performance.now() - start }
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
  test('is cut within 5 to 6 s: silent, or a byte of CONNECT a second', { concurrent: true }, async () => {
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
  test('because the hub does not answer is told 3 after 5 s', { concurrent: true }, async () => {
    const { port, recorder } = await startBroker()
    recorder.onAuthenticate = () => new Promise(() => undefined)
    const raw = new Raw(port).connect('d1')
    expect(await raw.next('connack')).toMatchObject({ returnCode: 3 })
    expect(performance.now() - raw.opened_at).toBeGreaterThan(4500)
    await until(() => raw.closed)
  })
  test('stock Aedes: because authenticate does not answer, waits for ever', { concurrent: true }, async () => {
    const { port, recorder } = await stock({ connectTimeout: 500 })
    recorder.onAuthenticate = () => new Promise(() => undefined)
    const raw = new Raw(port).connect('d1')
    await sleep(1500)
    expect(raw.closed).toBe(false)
  })
  test('a store that does not answer in 10 s: no PUBACK, closed', { concurrent: true, timeout: 20_000 }, async () => {
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

describe('a subscriber that does not read', () => {
  const stalled = async (target: Target, qos: 0 | 1) => {
    const { port } = target
    const reader = new Raw(port).connect('user-slow', { password: Buffer.from('person1:admin') })
    await reader.next('connack')
    reader.send(subscribePacket([target.seenAs('d1', 'telemetry')], qos))
    await reader.next('suback')
    reader.socket.pause()
    const person = await connectPerson(target, 'person2:admin')
    await person.subscribeAsync(target.seenAs('d2', 'telemetry'))
    const latencies: number[] = []
    let sent = 0
    person.on('message', () => latencies.push(performance.now() - sent))
    const loud = await rawDevice(port, 'd1')
    const quiet = await rawDevice(port, 'd2')
    const payload = Buffer.alloc(100_000, 32)
    for (let i = 1; i <= 200; i++) loud.send(publishPacket('devices/d1/telemetry', i, payload))
    for (let i = 0; i < 40; i++) {
      sent = performance.now()
      quiet.send(publishPacket('devices/d2/telemetry', 0, '{}'))
      await until(() => latencies.length > i || performance.now() - sent > 1500)
      if (latencies.length <= i) return { p99: 1500, acks: loud.acks, reader }
      await sleep(5)
    }
    return { p99: percentile(latencies, 0.99), acks: loud.acks, reader }
  }
  test('at QoS 1 is closed at 1 MiB, and delays nobody', async () => {
    const target = await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const { p99 } = await stalled(target, 1)
    expect(p99).toBeLessThan(100)
    await until(() => target.broker.stats().closed.slow === 1)
  })
  test('at QoS 0 misses what does not fit, delays nobody, and is cut when it has read nothing for 5 s', async () => {
    const target = await ours({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    const { p99 } = await stalled(target, 0)
    expect(p99).toBeLessThan(100)
    await until(() => target.broker.stats().dropped_slow > 0)
    const start = performance.now()
    await until(() => target.broker.stats().closed.slow === 1)
    expect(performance.now() - start).toBeLessThan(6500)
  })
  test('stock Aedes: stops others, too', async () => {
    const target = await stock({ concurrency: 20 })
    expect((await stalled(target, 0)).p99).toBe(1500)
  })

  test('but one that reads gets every retained message, though they are more than the bound', async () => {
    const { broker, port } = await startBroker()
    const payload = Buffer.alloc(20_000, 32)
    for (let i = 0; i < 300; i++) await broker.publish(`homes/h/devices/d${i}/state`, payload, { qos: 1, retain: true })
    const person = await connectPerson({ port })
    let got = 0
    person.on('message', () => got++)
    await person.subscribeAsync('homes/h/#', { qos: 1 })
    await until(() => got === 300)
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
  test('is slowed down to the quota, nothing is lost, and others are acknowledged as fast as before', async () => {
    const { port, recorder, broker } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '100' })
    const quiet = await connectDevice({ port }, 'd2')
    const measure = async () => {
      const times: number[] = []
      for (let i = 0; i < 40; i++) {
        const start = performance.now()
        await quiet.publishAsync('devices/d2/telemetry', '{}', { qos: 1 })
        times.push(performance.now() - start)
        await sleep(5)
      }
      return percentile(times, 0.99)
    }
    const calm = await measure()
    const loud = await rawDevice(port, 'd1')
    const start = performance.now()
    for (let i = 1; i <= 400; i++) loud.send(publishPacket('devices/d1/telemetry', i))
    const busy = await measure()
    await until(() => loud.acks === 400)
    const took = performance.now() - start
    expect(took).toBeGreaterThan(2300)
    expect(took).toBeLessThan(4500)
    expect(busy).toBeLessThan(Math.max(2 * calm, 25))
    expect(recorder.messages.filter(({ device }) => device.id === 'd1')).toHaveLength(400)
    expect(broker.stats().closed).toEqual({})
  })
  test('a slowed device is not taken for dead', async () => {
    const { port, recorder } = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '10' })
    const device = await rawDevice(port, 'd1', { keepalive: 1 })
    for (let i = 1; i <= 60; i++) device.send(publishPacket('devices/d1/telemetry', i, Buffer.alloc(1500, 32)))
    await until(() => device.acks === 60, 'all acknowledged', 15_000)
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
    const count = held.length
    target.recorder.onReceive = (_message, done) => done(null)
    for (const done of held) done(null)
    await until(() => acks === 600)
    return count
  }
  test('are bounded: the socket is not read from above a megabyte, and read on afterwards', async () => {
    const target = await startBroker({ HEARTH_LIMIT_DEVICE_MESSAGES: '0' })
    expect(await takenIn(target.ws_port, target)).toBeLessThan(40)
  })
  test('stock Aedes on a stock stream: all of them are taken in', async () => {
    const target = await stock()
    const { createServer: createHttp } = await import('node:http')
    const http = createHttp()
    const server = new websocket.Server({ server: http })
    server.on('stream', stream => target.aedes.handle(stream))
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void http.close())
    expect(await takenIn((http.address() as { port: number }).port, target)).toBe(600)
  })
})

describe('a hook that throws', () => {
  test('ends a connection at most, never the process', async () => {
    const { port, recorder, broker } = await startBroker()
    recorder.connected =
      recorder.readyForCommands =
      recorder.delivered =
      recorder.disconnected =
        () => {
          throw new Error('a fault of the hub')
        }
    const device = (await rawDevice(port, 'd1')).send(subscribePacket(['devices/d1/commands']))
    await device.next('suback')
    await broker.publish('homes/home-d1/devices/d1/commands', 'x', { qos: 1, receipt: 'r' })
    device.send({ cmd: 'puback', messageId: (await device.next('publish')).messageId ?? 0 }, { cmd: 'pingreq' })
    await device.next('pingresp')
    recorder.onReceive = () => {
      throw new Error('a fault of the hub')
    }
    device.send(publishPacket('devices/d1/telemetry'))
    await until(() => device.closed)
    expect(device.acks).toBe(0)
    recorder.authenticate = () => {
      throw new Error('a fault of the hub')
    }
    expect(await new Raw(port).connect('d2').next('connack')).toMatchObject({ returnCode: 3 })
  })

  test('stock Aedes: ends the process', async () => {
    const code = `
      import { createServer } from 'node:net'
      import { Aedes } from 'aedes'
      const aedes = await Aedes.createBroker({ authorizePublish: () => { throw new Error('a fault') } })
      createServer(aedes.handle).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void child.kill())
    const port = await new Promise<number>(resolve => child.stdout?.once('data', data => resolve(Number(data))))
    const exited = new Promise(resolve => child.once('exit', resolve))
    ;(await rawDevice(port, 'd1')).send(publishPacket('devices/d1/telemetry'))
    expect(await exited).toBe(1)
  })
})

test('mutated packets end connections, never the process, and the counts go back to nothing', async () => {
  const { port, recorder, broker } = await startBroker({
    HEARTH_LIMIT_PENDING_CONNECTIONS: '0',
    HEARTH_LIMIT_DEVICE_MESSAGES: '0',
  })
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
  const good = [
    connectPacket('d1'),
    publishPacket('devices/d1/telemetry', 5),
    publishPacket('devices/d1/telemetry', 5, '{}', { qos: 2 }),
    subscribePacket(['devices/d1/commands', 'devices/d1/#'], 1, 6),
    { cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['devices/d1/#'] },
    { cmd: 'puback', messageId: 8 },
    { cmd: 'pubrel', messageId: 5 },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  ].map(packet => mqttPacket.generate(packet as never))
  for (let round = 0; round < 100; round++) {
    const raws = Array.from({ length: 20 }, (_, i) => {
      const raw = new Raw(port)
      if (random(4) > 0) raw.connect(`d${i}`)
      for (let n = random(8); n >= 0; n--) {
        const bytes = Buffer.from(good[random(good.length)] ?? '')
        for (let k = random(3); k > 0; k--) bytes[random(bytes.length)] = random(256)
        raw.send(bytes.subarray(0, random(10) === 0 ? random(bytes.length) : bytes.length))
      }
      return raw
    })
    await Promise.all(raws.map(raw => new Promise<void>(resolve => raw.socket.end(() => resolve()))))
    for (const raw of raws) if (random(2) === 0) raw.socket.destroy()
  }
  await until(() => broker.stats().connections === 0, `no connections (seed ${seed})`)
  const told = recorder.events.filter(event => !event.startsWith('ready'))
  expect(told.filter(event => event.startsWith('+')).length).toBe(told.length / 2)
}, 60_000)
