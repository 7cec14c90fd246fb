import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admin, field, type Started, startApi } from './harness.js'

let hub: Started
let key: string
beforeAll(async () => {
  hub = await startApi()
  key = await hub.device('d1')
})
afterAll(() => hub.close())

describe('an answer that is not 2xx has the contract’s shape', () => {
  const post = (headers: Record<string, string>, raw: string | Buffer = '{"name":"x"}') =>
    hub.call('POST', '/api/v1/devices', { raw, headers })

  test.each([
    ['bad JSON', '{"name":', 400],
    ['trailing garbage', '{"name":"x"} x', 400],
    ['a name given twice', '{"name":"x","name":"y"}', 400],
    ['__proto__', '{"name":"x","__proto__":{"home_id":"other"}}', 400],
    ['constructor', '{"name":"x","constructor":{"prototype":{}}}', 400],
    ['a number too large', '{"name":"x","a":1e999}', 400],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ['10,000 levels', '['.repeat(10_000) + ']'.repeat(10_000), 400],
    ['2 MiB', JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) }), 413],
  ])('%s', async (_, raw, status) => {
    const answer = await post({}, raw)
    expect(answer.status).toBe(status)
    expect(Object.keys(answer.body as object)).toEqual(['error', 'message', 'details'])
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json-patch+json',
    'text/json',
    'application/json, text/plain',
    'nonsense',
    ' ',
  ])('a body of type %s is refused', async type => {
    expect(await post({ 'content-type': type })).toMatchObject({
      status: 415,
      body: { error: 'unsupported_media_type' },
    })
  })

  test('a compressed body is refused', async () =>
    expect((await post({ 'content-encoding': 'gzip' })).status).toBe(415))

  test('JSON with a charset is read', async () =>
    expect((await post({ 'content-type': 'application/json; charset=utf-8' })).status).toBe(201))

  test.each([
    ['GET', '/nowhere', 404, 'not_found'],
    ['GET', '/api/v1', 404, 'not_found'],
    ['GET', '/api/v1/devices/', 400, 'invalid_request'],
    ['GET', '/api/v1/devices/%zz', 400, 'invalid_request'],
    ['GET', `/api/v1/devices/${'x'.repeat(300)}`, 400, 'invalid_request'],
    ['GET', '/api/v1/devices/..%2f..%2fetc', 400, 'invalid_request'],
    ['GET', "/api/v1/devices/1'%20or%201=1", 400, 'invalid_request'],
    ['PUT', '/api/v1/devices', 405, 'method_not_allowed'],
    ['DELETE', '/api/v1/auth/login', 405, 'method_not_allowed'],
    ['POST', '/api/v1/devices/d1', 405, 'method_not_allowed'],
    ['OPTIONS', '/api/v1/devices', 405, 'method_not_allowed'],
  ])('%s %s', async (method, path, status, error) => {
    const answer = await hub.call(method, path)
    expect(answer).toMatchObject({ status, body: { error, details: expect.any(Array) } })
    expect(answer.headers.has('allow')).toBe(status === 405)
  })

  test.each([
    ['PATCH', '/devices/d1/desired', [1], 'body: must be an object'],
    ['POST', '/homes', { name: 'x', record: 1 }, 'body: Unrecognized key: "record"; known are id, name, timezone'],
    ['POST', '/ops/quarantine/q1/replay', {}, 'body/payload: is missing'],
    ['POST', '/ops/quarantine/q1/replay', { payload: 1 }, 'body/payload: must be a string or an object or an array'],
  ])('%s %s with %j is told what it should be', async (method, path, body, detail) =>
    expect((await hub.call(method, `/api/v1${path}`, { body })).body).toMatchObject({ details: [detail] }),
  )

  test('what nobody expected is logged whole and told as internal', async () => {
    const broken = await startApi(
      {},
      {
        brokerStats: () => {
          throw new Error('canary-detail')
        },
      },
    )
    const answer = await broken.call('GET', '/metrics')
    expect(answer).toMatchObject({ status: 500, body: { error: 'internal', message: 'Internal error', details: [] } })
    expect(broken.logged.some(line => line.includes('canary-detail') && line.includes('"stack"'))).toBe(true)
    await broken.close()
  })
})

describe('what is not quite HTTP', () => {
  const raw = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const { port } = new URL(hub.url)
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes))
      let text = ''
      socket.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      socket.on('close', () => resolve(text)).on('error', reject)
    })

  test.each([
    ['another protocol', '\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00'],
    ['a header of 64 KB', `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`],
    ['two lengths', 'POST /api/v1/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}'],
  ])('%s is answered in JSON and the connection closed', async (_, bytes) => {
    const answer = await raw(bytes)
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      error: 'invalid_request',
      details: [],
    })
  })

  test('a header that does not end is answered after 5 s', async () => {
    const answer = await raw('GET /health HTTP/1.1\r\nHost: x\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n.*"The request came too slowly\."/s)
  })

  test('slow headers have a limit', () => expect(hub.api.server).toMatchObject({ headersTimeout: 5000 }))
})

test('no secret is in the log, in metrics or in an error, whatever path it takes', async () => {
  const canary = 'CANARY-7d0f'
  const login = await hub.call('POST', '/api/v1/auth/login', {
    key: null,
    body: { email: admin.email, password: admin.password },
  })
  const secrets = [
    canary,
    key,
    hub.token,
    admin.password,
    field(login.body, 'access_token'),
    field(login.body, 'refresh_token'),
  ]
  const answers = await Promise.all([
    hub.call('POST', '/api/v1/auth/login', { key: null, body: { email: admin.email, password: canary } }),
    hub.call('POST', '/api/v1/auth/login', { key: null, body: { password: [canary] } }),
    hub.call('POST', '/api/v1/auth/refresh', { key: null, body: { refresh_token: canary } }),
    hub.call('GET', '/api/v1/users/me', { key: null, headers: { authorization: `Bearer ${canary}` } }),
    hub.call('GET', '/api/v1/devices/status', { key: `hk_${canary}` }),
    hub.call('POST', '/api/v1/telemetry', { key, raw: '{' }),
    hub.call('POST', '/api/v1/auth/login', { key: null, raw: `{"password":"${canary}"` }),
    hub.call('GET', `/api/v1/devices?token=${canary}x`, { headers: { 'x-api-key': key } }),
    hub.call('GET', '/metrics', { key: null }),
  ])
  const seen = JSON.stringify(answers.map(({ body }) => body)) + hub.logged.join('')
  for (const secret of secrets) expect(seen).not.toContain(secret)
  expect(hub.logged.some(line => line.includes('"request"'))).toBe(true)
})

test('names with line breaks and escapes stay within one line of the log', async () => {
  await hub.call('GET', '/api/v1/devices/%0d%0a%1b%5b31m%22%7d')
  await hub.call('GET', `/api/v1/devices?q=${encodeURIComponent('\r\n{"level":60}')}`)
  for (const line of hub.logged) expect(JSON.parse(line.trimEnd())).toBeTypeOf('object')
  expect(hub.logged.every(line => line.indexOf('\n') === line.length - 1)).toBe(true)
})

describe('for operators', () => {
  test('/health lives, /ready has stored something just now', async () => {
    expect(await hub.call('GET', '/health', { key: null })).toMatchObject({
      status: 200,
      body: { status: 'ok', version: '0.1.0' },
    })
    const before = Date.now()
    expect(await hub.call('GET', '/ready', { key: null })).toMatchObject({ status: 200, body: { status: 'ready' } })
    const probe = await hub.store.db.selectFrom('probe').select('written_at').executeTakeFirstOrThrow()
    expect(probe.written_at).toBeGreaterThanOrEqual(before)
  })

  test('/ready says why when nothing can be stored', async () => {
    const full = await startApi()
    await full.store.close()
    expect(await full.call('GET', '/ready', { key: null })).toMatchObject({
      status: 503,
      body: { error: 'storage_unavailable', message: expect.stringMatching(/\w/) },
    })
    expect((await full.call('GET', '/health', { key: null })).status).toBe(200)
    await full.api.close()
  })

  test('/metrics tells of process, requests by route, and broker', async () => {
    await hub.call('GET', '/api/v1/devices/d1')
    const { body, headers } = await hub.call('GET', '/metrics', { key: null })
    expect(headers.get('content-type')).toMatch(/^text\/plain/)
    expect(body).toContain(
      'hearth_http_request_duration_seconds_count{route="/api/v1/devices/:id",method="GET",status="200"}',
    )
    expect(body).toContain('hearth_broker_connections 3')
    expect(body).toContain('hearth_broker_refused{reason="wrong_key"} 2')
    expect(body).toContain('nodejs_eventloop_lag_p99_seconds')
    expect((await hub.call('GET', '/metrics', { key: null })).status).toBe(200)
  })
})

describe('routes', () => {
  test('each declares who may use it, and nobody gets in without', async () => {
    expect(hub.api.declared.length).toBeGreaterThan(30)
    for (const { method, url, who } of hub.api.declared.filter(({ who }) => who !== 'anyone')) {
      const path = url.replace(':id', 'd1').replace(':key_id', 'k1')
      const answer = await hub.call(method, path, { key: null, ...(method === 'POST' ? { body: {} } : {}) })
      expect(answer.status, `${method} ${url} (${who})`).toBe(401)
    }
  })

  test('the server does not start with one that does not', async () => {
    const { fastify } = await import('fastify')
    const { listRoutes } = await import('../../src/api/declare.js')
    const app = fastify()
    listRoutes(app as unknown as Parameters<typeof listRoutes>[0])
    app.get('/forgotten', async () => 'open')
    await expect(app.ready()).rejects.toThrow('The route GET /forgotten does not declare who may use it.')
  })
})

test('once the close has begun, what still comes on an open connection is refused', async () => {
  const closing = await startApi()
  const { port } = new URL(closing.url)
  const socket = connect(Number(port), '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const body = '{"name":"late"}'
  const headers = `Host: x\r\nAuthorization: Bearer ${closing.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue`
  socket.write(`POST /api/v1/devices HTTP/1.1\r\n${headers}\r\n\r\n`)
  await expect.poll(() => text).toContain('100 Continue')
  const closed = closing.close()
  await expect.poll(() => closing.api.closing.aborted).toBe(true)
  socket.write(`${body}GET /health HTTP/1.1\r\nHost: x\r\n\r\n`)
  await closed
  await expect.poll(() => text).toMatch(/201 Created.*503 Service Unavailable.*"error":"shutting_down"/s)
})

describe('a long list', () => {
  beforeAll(() => Promise.all(Array.from({ length: 20 }, (_, i) => hub.device(`listed-${i}`))))
  const list = (accepted: string, path = '/api/v1/devices') =>
    hub.call('GET', path, { headers: { 'accept-encoding': accepted } })

  test.each(['gzip', 'br;q=1.0, gzip;q=0.8', 'identity, GZIP'])(
    'is compressed for whoever takes %s',
    async accepted => {
      const plain = await list('identity')
      const answer = await list(accepted)
      expect(answer.headers.get('content-encoding')).toBe('gzip')
      expect(answer.headers.get('vary')).toBe('Accept-Encoding')
      expect(answer.body).toEqual(plain.body)
      expect(Number(answer.headers.get('content-length'))).toBeLessThan(Number(plain.headers.get('content-length')) / 2)
    },
  )

  test.each(['', 'br', 'gzip;q=0', 'gzip; q=0.000', 'x-gzip-like'])('is not for who takes %s', async accepted => {
    const answer = await list(accepted)
    expect(answer.headers.get('content-encoding')).toBeNull()
    expect(answer.headers.get('vary')).toBe('Accept-Encoding')
  })

  test('is, and a single thing is not', async () =>
    expect((await list('gzip', '/api/v1/devices/d1')).headers.get('content-encoding')).toBeNull())
})
