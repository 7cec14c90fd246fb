import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { fastify } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hurryBodies } from '../../src/api/body.js'
import { until } from '../helper.js'
import { type Started, startApi } from './harness.js'

let hub: Started
const start = Date.parse('2025-01-01T00:00:00Z')
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const types = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const
const upload = (id: string, raw: string, format: keyof typeof types = 'csv', headers = {}) =>
  hub.call('POST', `/api/v1/telemetry/${id}/import`, { raw, headers: { 'content-type': types[format], ...headers } })
const count = async (id: string) =>
  (
    await hub.store.db
      .selectFrom('telemetry')
      .innerJoin('devices', 'num', 'device_num')
      .where('id', '=', id)
      .select('ts')
      .execute()
  ).length

/** A file that the test writes piece by piece. */
function open(id: string): { sent: ClientRequest; answer: Promise<IncomingMessage>; socket: Promise<Socket> } {
  const headers = { authorization: `Bearer ${hub.token}`, 'content-type': 'text/csv' }
  const socket = new Promise<Socket>(resolve => hub.api.server.once('connection', resolve))
  const sent = request(`${hub.url}/api/v1/telemetry/${id}/import`, { method: 'POST', headers, agent: false })
  const answer = new Promise<IncomingMessage>((resolve, reject) => sent.once('response', resolve).once('error', reject))
  answer.catch(() => undefined)
  return { sent, answer, socket }
}

describe.each(['csv', 'ndjson'] as const)('an export as %s', format => {
  const file = async (id: string) =>
    String((await hub.call('GET', `/api/v1/telemetry/${id}/export?format=${format}`)).body)
  /** Without the times of receiving. */
  const lasting = (text: string) =>
    format === 'csv' ? text.replaceAll(/(^|\n)(\d+),\d+,/g, '$1$2,,') : text.replaceAll(/"received_at":\d+,/g, '')

  test('imported into another device is exported the same again', async () => {
    const [from, to] = [`from-${format}`, `to-${format}`]
    const key = await hub.device(from)
    const texts = ['', '1', 'true', '-1+1', "'=x", '=x', 'a,"b"\r\nc', '\n"', 'ä😀', ' ', "'"]
    const wide = (name: string) => Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`${name}${i}`, i / 7]))
    const body = [
      ...texts.map((text, i) => ({ ts: start + i, data: { text, n: -i, ok: i % 2 === 0, '=a "b", c': text } })),
      { ts: start + 100, data: wide('w') },
      { ts: start + 100, data: wide('x') },
      { ts: 5, data: { late: true } },
      { ts: start + 200, data: { big: 1e21, small: 1.5e-7, n: 9_007_199_254_740_991 }, metadata: { battery: 80 } },
    ]
    expect((await hub.call('POST', '/api/v1/telemetry', { key, body })).status).toBe(202)
    await hub.device(to)
    const exported = await file(from)
    const imported = { imported: texts.length + 3, refused: [], refused_count: 0 }
    for (let i = 0; i < 2; i++) {
      expect((await upload(to, exported, format)).body).toEqual(imported)
      expect(lasting(await file(to))).toBe(lasting(exported))
    }
    const values = async (id: string) => (await hub.call('GET', `/api/v1/telemetry/${id}?limit=1000`)).body
    const [one, other] = [await values(from), await values(to)] as { telemetry: { data: object; quality?: string }[] }[]
    expect(other?.telemetry.map(({ data, quality }) => [data, quality])).toEqual(
      one?.telemetry.map(({ data, quality }) => [data, quality]),
    )
  })
})

test('an import tells nobody, is no sign of life, and is in the latest values and in the audit', async () => {
  await hub.device('old')
  const state = async () => (await hub.call('GET', '/api/v1/devices/old/presence')).body
  const [before, published] = [await state(), hub.published.length]
  const file = `ts,received_at,quality,a\r\n${start},5,,1\r\n${start + 1},5,,2\r\nx,,,\r\n`
  expect((await upload('old', file)).body).toEqual({
    imported: 2,
    refused: [{ line: 4, message: 'ts must be a whole number of milliseconds' }],
    refused_count: 1,
  })
  expect([await state(), hub.published.length]).toEqual([before, published])
  const latest = await hub.call('GET', '/api/v1/telemetry/old/latest')
  expect(latest.body).toMatchObject({ latest: { a: { value: 2, ts: start + 1 } } })
  const audit = await hub.call('GET', '/api/v1/ops/audit?action=telemetry.import')
  expect(audit.body).toMatchObject({
    audit: expect.arrayContaining([expect.objectContaining({ target: 'device/old' })]),
  })
})

test('an idempotency key is allowed, and changes nothing: the same point twice is one point', async () => {
  await hub.device('twice')
  const key = { 'idempotency-key': 'k' }
  for (let i = 0; i < 2; i++)
    expect(await upload('twice', `ts,a\n${start},1\n`, 'csv', key)).toMatchObject({
      status: 200,
      body: { imported: 1 },
    })
  expect(await count('twice')).toBe(1)
})

test('what is no file of these kinds is refused', async () => {
  await hub.device('picky')
  const refused = async (status: number, raw: string, headers: Record<string, string>) =>
    expect(await upload('picky', raw, 'csv', headers)).toMatchObject({ status, body: { message: expect.any(String) } })
  await refused(415, '{}', { 'content-type': 'application/json' })
  await refused(415, 'x', { 'content-encoding': 'gzip' })
  await refused(400, '', {})
  await refused(400, 'time,a\n1,2\n', {})
  expect((await upload('nowhere', 'ts,a\n')).status).toBe(404)
})

test('a file is read no faster than it is stored', async () => {
  await hub.device('fast')
  const { sent, answer, socket } = open('fast')
  sent.write('ts,a\n')
  const server = await socket
  let rows = 0
  const piece = () => Array.from({ length: 1000 }, () => `${start + rows++},${'x'.repeat(80)}\n`).join('')
  sent.write(piece())
  await until(async () => (await count('fast')) > 0)
  await hub.store.db.transaction().execute(async tx => {
    await tx.selectFrom('homes').select('id').execute()
    // The writer is taken, so nothing is stored, and the client's own buffers fill.
    while (sent.writableLength < 20_000_000) sent.write(piece())
    const seen = [-1]
    // Until it has stood still for as long as ten requests take.
    await until(async () => {
      await hub.call('GET', '/health')
      seen.push(server.bytesRead)
      return seen.length > 10 && seen.slice(-10).every(one => one === server.bytesRead)
    })
    expect(server.bytesRead).toBeLessThan(10_000_000)
  })
  sent.end()
  const response = await answer
  expect(response.statusCode).toBe(200)
  expect(JSON.parse(String(await response.toArray()))).toEqual({ imported: rows, refused: [], refused_count: 0 })
  expect(await count('fast')).toBe(rows)
})

test('of a file that breaks off, what came is stored, and nothing is our fault', async () => {
  await hub.device('broken')
  const { sent, socket } = open('broken')
  sent.write(['ts,a', ...Array.from({ length: 1000 }, (_, i) => `${start + i},1`)].join('\n'))
  const server = await socket
  await until(async () => (await count('broken')) >= 500)
  sent.destroy()
  await until(() => server.destroyed)
  expect((await hub.call('GET', '/health')).status).toBe(200)
  expect(hub.logged.filter(line => line.includes('a request failed'))).toEqual([])
  expect(await count('broken')).toBeLessThan(1001)
})

test('a server that closes does not wait for a file', async () => {
  const closing = await startApi()
  await closing.device('x')
  const headers = { authorization: `Bearer ${closing.token}`, 'content-type': 'text/csv' }
  const sent = request(`${closing.url}/api/v1/telemetry/x/import`, { method: 'POST', headers })
  const cut = new Promise(resolve => sent.on('error', resolve))
  sent.write(['ts,a', ...Array.from({ length: 600 }, (_, i) => `${start + i},1`)].join('\n'))
  await until(async () => (await closing.store.db.selectFrom('telemetry').select('ts').execute()).length > 0)
  await closing.close()
  expect(await cut).toMatchObject({ code: 'ECONNRESET' })
})

describe('a body that does not come', () => {
  /** All that a server answers to a request whose body stops. */
  async function answerTo(head: string): Promise<string> {
    const app = fastify().withTypeProvider<ZodTypeProvider>()
    hurryBodies(app, 50)
    app.addContentTypeParser('text/csv', async () => 'whole')
    app.post('/whole', async () => ({}))
    app.post('/pieces', async ({ raw, arrival }) => {
      for await (const _ of raw.iterator({ destroyOnReturn: false })) {
        arrival?.take()
        await new Promise(resolve => setTimeout(resolve, 100))
        arrival?.await()
      }
      return { done: true }
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(head)
    const text = String(await socket.toArray())
    await app.close()
    return text
  }
  const head = (path: string, more: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`

  test('is waited for no longer, whole or the next piece of it', async () => {
    const json = 'Content-Type: application/json\r\n'
    expect(await answerTo(`${head('/whole', `${json}Content-Length: 9\r\n`)}{`)).toContain('too slowly')
    expect(await answerTo(`${head('/whole', `${json}Transfer-Encoding: chunked\r\n`)}1\r\n{`)).toContain('too slowly')
    const csv = 'Content-Type: text/csv\r\n'
    expect(await answerTo(`${head('/pieces', `${csv}Content-Length: 9\r\n`)}1`)).toContain('too slowly')
    expect(await answerTo(`${head('/pieces', `${csv}Content-Length: 3\r\n`)}123`)).toContain('"done":true')
  })
})
