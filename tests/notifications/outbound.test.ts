import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Outbound, retryAfter } from '../../src/notifications/outbound.js'
import { certificate as cert, certificateKey as key } from '../broker/certificate.js'
import { startReceiver } from './receiver.js'

const signal = (ms = 5000) => AbortSignal.timeout(ms)

const elsewhere = [
  'http://127.0.0.1:PORT/',
  'http://127.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f.0.0.1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://0.0.0.0:PORT/',
  'http://localhost:PORT/',
  'http://LOCALHOST.:PORT/',
  'http://[::1]:PORT/',
  'http://[::]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001::1]/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://[ff02::1]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:169.254.169.254]/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
]

test('nothing is sent into the hub’s own networks, however the address is written (C15)', async () => {
  const receiver = await startReceiver()
  const outbound = new Outbound()
  for (const to of elsewhere) {
    const sent = outbound.post(to.replace('PORT', String(receiver.port)), {}, '{}', signal())
    const told = await sent.then(
      () => 'sent',
      error => error.message,
    )
    expect([to, told]).toEqual([to, expect.stringMatching(/HEARTH_OUTBOUND_ALLOW|was not found/)])
  }
  expect(receiver.received).toEqual([])
})

test.each(['ftp://example.org/', 'file:///etc/passwd', 'http://name:word@example.org/'])('%s is refused', async to => {
  await expect(new Outbound('example.org').post(to, {}, '{}', signal())).rejects.toMatchObject({ permanent: true })
})

test('what is allowed by network, by address or by name is sent there, and nowhere else', async () => {
  const receiver = await startReceiver()
  const post = (allow: string, host: string) =>
    new Outbound(allow).post(`http://${host}:${receiver.port}/`, {}, '{}', signal()).then(
      ({ status }) => status,
      () => 'refused',
    )
  expect(await post('10.0.0.0/8, 127.0.0.0/8', '127.0.0.1')).toBe(204)
  expect(await post('127.0.0.1', '127.0.0.1')).toBe(204)
  expect(await post('LocalHost', 'localhost')).toBe(204)
  expect(await post('localhost', '127.0.0.1')).toBe('refused')
  expect(await post('127.0.0.2, 10.0.0.0/8', '127.0.0.1')).toBe('refused')
  expect(receiver.received).toHaveLength(3)
})

test('a redirect is not followed', async () => {
  const [first, second] = await Promise.all([startReceiver(), startReceiver()])
  first.answer = (_, response) => void response.writeHead(307, { location: second.url }).end()
  const answer = await new Outbound('127.0.0.1').post(first.url, {}, '{}', signal())
  expect([answer.status, second.received]).toEqual([307, []])
})

test('who does not answer in time is left, and an answer without end is cut', async () => {
  const receiver = await startReceiver()
  const outbound = new Outbound('127.0.0.1')
  receiver.answer = () => undefined
  await expect(outbound.post(receiver.url, {}, '{}', signal(200))).rejects.toThrow('no answer in time')
  let isCut = false
  receiver.answer = (_, response) => {
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    }
    response.on('drain', pour).on('close', () => {
      isCut = true
    })
    pour()
  }
  expect(await outbound.post(receiver.url, {}, '{}', signal())).toMatchObject({ status: 200 })
  await expect.poll(() => isCut).toBe(true)
})

test('who wants to speak another protocol is left as well', async () => {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const sent = new Outbound('127.0.0.1').post(`http://127.0.0.1:${port}/`, {}, '{}', signal(200))
  await expect(sent).rejects.toThrow('no answer in time')
})

test('who shows a certificate that nobody vouches for gets nothing', async () => {
  const receiver = await startReceiver({ cert, key })
  const sent = new Outbound('localhost').post(receiver.url, {}, '{}', signal())
  await expect(sent).rejects.toThrow('no answer: DEPTH_ZERO_SELF_SIGNED_CERT')
  expect(receiver.received).toEqual([])
})

test.each([
  ['120', 120_000],
  ['0', 0],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['99999999999', 86_400_000],
  ['soon', null],
  [undefined, null],
])('Retry-After %s', (text, ms) => {
  expect(retryAfter(text, Date.UTC(2026, 0, 1))).toBe(ms)
})
