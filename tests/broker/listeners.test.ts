import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { connectAsync, type ErrorWithReasonCode, type IClientOptions } from 'mqtt'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { Refusal } from '../../broker/contract.js'
import { certificate, certificateSettings } from './certificate.js'
import { connectClient, startBroker, until } from './harness.js'
import { Raw, rawDevice, subscribePacket } from './raw.js'

async function startWithTls(env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'hearth-tls-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const running = await startBroker({ ...certificateSettings(dir), ...env })
  const { port, ws_port, listeners } = running
  const urls = {
    tcp: `mqtt://127.0.0.1:${port}`,
    tls: `mqtts://127.0.0.1:${listeners.mqtts_port}`,
    ws: `ws://127.0.0.1:${ws_port}/mqtt`,
  }
  return { ...running, urls, mqtts_port: listeners.mqtts_port ?? 0 }
}

const d1: IClientOptions = { clientId: 'd1', username: 'd1', password: 'key-d1', ca: certificate }
const transports = ['tcp', 'tls', 'ws'] as const

/** The return code of a refused CONNECT, as a real client understands it. */
async function refusalOf(url: string, options: IClientOptions): Promise<number> {
  try {
    await connectAsync(url, { ...d1, reconnectPeriod: 0, ...options }, false)
  } catch (error) {
    return (error as ErrorWithReasonCode).code as number
  }
  throw new Error('was accepted')
}

describe.each(transports)('over %s', transport => {
  test('a device publishes, subscribes, and is cut within a second when it is revoked while it publishes', async () => {
    const { urls, recorder, broker } = await startWithTls()
    const device = await connectClient(urls[transport], d1)
    await device.subscribeAsync('devices/d1/commands', { qos: 1 })
    const heard: string[] = []
    device.on('message', topic => heard.push(topic))
    await broker.publish('homes/home-d1/devices/d1/commands', '{}', { qos: 1 })
    const timer = setInterval(() => device.publish('devices/d1/telemetry', '{}', { qos: 1 }), 10)
    onTestFinished(() => clearInterval(timer))
    await until(() => recorder.messages.length > 20 && heard.length === 1)
    expect(broker.connections()).toMatchObject([{ transport, address: '127.0.0.1' }])
    const start = performance.now()
    broker.disconnect({ key_id: 'key-id-d1' }, 'revoked')
    await until(() => !device.connected && recorder.events.includes('-d1 revoked'))
    expect(performance.now() - start).toBeLessThan(1000)
    const count = recorder.messages.length
    expect(broker.stats()).toMatchObject({ connections: 0, devices: 0, pending: 0 })
    expect(recorder.messages).toHaveLength(count)
  })

  test('every return code reaches the client', async () => {
    const { urls, recorder } = await startWithTls()
    for (const code of [3, 4, 5] as const) {
      recorder.refusals.set('d1', new Refusal(code, 'test'))
      expect(await refusalOf(urls[transport], {})).toBe(code)
    }
    recorder.refusals.clear()
    expect(await refusalOf(urls[transport], { clientId: 'd2' })).toBe(2)
  })

  test('a client of MQTT 5 is told 1', async () => {
    const { urls, recorder } = await startWithTls()
    expect(await refusalOf(urls[transport], { protocolVersion: 5 })).toBe(1)
    expect(recorder.attempts).toEqual([])
  })
})

test('a version that nobody knows is told 1', async () => {
  const { port } = await startBroker()
  const raw = new Raw(port).send(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 6, 2, 0, 60, 0, 0]))
  expect(await raw.next('connack')).toMatchObject({ returnCode: 1 })
  await until(() => raw.closed)
})

describe('a TLS handshake', () => {
  test('that is never finished is cut, and counted among the pending', async () => {
    const { mqtts_port } = await startWithTls({ HEARTH_LIMIT_PENDING_CONNECTIONS: '2' })
    const raws = [new Raw(mqtts_port), new Raw(mqtts_port)]
    await until(() => raws.every(raw => raw.socket.readyState === 'open'))
    const third = new Raw(mqtts_port)
    await until(() => third.closed)
    expect(third.opened_at).toBeGreaterThan(raws[0]?.opened_at ?? 0)
    await until(() => raws.every(raw => raw.closed), 'cutting', 8000)
    await connectClient(`mqtts://127.0.0.1:${mqtts_port}`, d1)
  })
  test('of garbage, or of an old version, is ended and harms nobody', async () => {
    const { mqtts_port, urls } = await startWithTls()
    const garbage = new Raw(mqtts_port).send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await until(() => garbage.closed)
    const old = connectTls({
      port: mqtts_port,
      host: '127.0.0.1',
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ca: certificate,
    })
    const failed = new Promise(resolve => old.once('error', resolve))
    expect(await failed).toBeInstanceOf(Error)
    await connectClient(urls.tls, d1)
  })
})

describe('an upgrade to WebSocket', () => {
  /** The status that an upgrade is answered with; 101 when it is accepted. */
  const statusOf = (port: number, path: string, options: ClientOptions = {}, protocol = 'mqtt') =>
    new Promise<number>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol, options)
      onTestFinished(() => socket.terminate())
      socket.on('open', () => resolve(101))
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0)
        socket.terminate()
      })
      socket.on('error', error => socket.readyState === WebSocket.CONNECTING && reject(error))
    })

  test('is accepted at /mqtt only, for the subprotocol mqtt only', async () => {
    const { ws_port } = await startBroker()
    expect(await statusOf(ws_port, '/mqtt')).toBe(101)
    expect(await statusOf(ws_port, '/mqtt?token=x')).toBe(101)
    expect(await statusOf(ws_port, '/')).toBe(404)
    expect(await statusOf(ws_port, '/mqtt/')).toBe(404)
    expect(await statusOf(ws_port, '/mqtt', {}, 'amqp')).toBe(400)
  })

  test('from a page is accepted from the same origin and those configured, exactly', async () => {
    const { ws_port } = await startBroker({ HEARTH_CORS_ORIGINS: 'https://panel.example, https://other.example:8443' })
    const from = (origin: string) => statusOf(ws_port, '/mqtt', { headers: { origin } })
    expect(await from(`http://127.0.0.1:${ws_port}`)).toBe(101)
    expect(await from('https://panel.example')).toBe(101)
    expect(await from('https://other.example:8443')).toBe(101)
    for (const origin of [
      'null',
      'https://evil.example',
      'https://panel.example.evil',
      'http://panel.example',
      'https://other.example',
      `http://127.0.0.1:${ws_port}.evil`,
    ])
      expect(await from(origin), origin).toBe(403)
  })

  test('comes from where the socket comes from, whatever its headers say', async () => {
    const { ws_port, recorder } = await startBroker()
    const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9' }
    await connectClient(`ws://127.0.0.1:${ws_port}/mqtt`, { ...d1, wsOptions: { headers } })
    expect(recorder.attempts).toMatchObject([{ address: '127.0.0.1' }])
  })

  test('and what is odd about it never throws: resets, garbage frames, text frames, oversized and fragmented ones', async () => {
    const { ws_port, broker } = await startBroker({ HEARTH_LIMIT_PENDING_CONNECTIONS: '0' })
    const head = `GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`
    const raw = (bytes: Buffer | string): Socket => {
      const socket = connect(ws_port, '127.0.0.1').on('error', () => undefined)
      socket.write(bytes)
      return socket
    }
    const sockets = [
      raw(head.replace('13', '99')),
      raw(head.replace(/Key: .*\r\n/, 'Key: x\r\n')),
      raw(`${head}garbage that is no frame at all`),
      raw(head.replace('/mqtt', '/nowhere')),
    ]
    raw(head).resetAndDestroy()
    raw(head.replace('/mqtt', '/nowhere')).resetAndDestroy()
    await until(() => sockets.every(socket => socket.destroyed || socket.readyState !== 'open'), 'closing')
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${ws_port}/mqtt`, 'mqtt').on('error', () => undefined)
      onTestFinished(() => socket.terminate())
      await new Promise(resolve => socket.once('open', resolve))
      return { socket, closed: new Promise(resolve => socket.once('close', resolve)) }
    }
    const text = await open()
    text.socket.send('text')
    await text.closed
    const large = await open()
    large.socket.send(Buffer.alloc(300 * 1024))
    await large.closed
    const fragmented = await open()
    for (let i = 0; i < 300; i++) fragmented.socket.send(Buffer.alloc(1024), { fin: i === 299 })
    await fragmented.closed
    await until(() => broker.stats().connections === 0)
  })

  test('that never says CONNECT is cut after 5 s', async () => {
    const { ws_port } = await startBroker()
    const socket = new WebSocket(`ws://127.0.0.1:${ws_port}/mqtt`, 'mqtt')
    const start = performance.now()
    await new Promise(resolve => socket.once('close', resolve))
    expect(performance.now() - start).toBeLessThan(6500)
  })
})

describe('when the listeners close', () => {
  test('nobody new is accepted, and who is there stays', async () => {
    const { listeners, port, ws_port, broker } = await startBroker()
    const device = await rawDevice(port, 'd1')
    await listeners.close()
    const late = new Raw(port)
    await until(() => late.closed)
    const upgrade = new WebSocket(`ws://127.0.0.1:${ws_port}/mqtt`, 'mqtt')
    await new Promise(resolve => upgrade.once('error', resolve))
    device.send(subscribePacket(['devices/d1/commands']))
    await device.next('suback')
    expect(broker.stats().connections).toBe(1)
  })
})
