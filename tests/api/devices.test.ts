import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authenticateKey } from '../../src/devices/keys.js'
import { recordPresence } from '../../src/devices/presence.js'
import { recordEvent, recordLogLine } from '../../src/devices/reports.js'
import { mergeReported } from '../../src/devices/state.js'
import { field, type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const call = (method: string, path: string, body?: unknown) => hub.call(method, `/api/v1${path}`, { body })
const own = (key: string, method: string, path: string, raw?: string) =>
  hub.call(method, `/api/v1${path}`, { key, ...(raw === undefined ? {} : { raw }) })
const ids = (body: unknown) => (body as { devices: { id: string }[] }).devices.map(({ id }) => id)

describe('a device', () => {
  test.each(['/devices', '/devices/register'])('is made by POST %s and its key is shown once', async path => {
    const made = await call('POST', path, { name: 'Lamp', type: 'light', location: 'desk' })
    expect(made).toMatchObject({
      status: 201,
      body: {
        device: { name: 'Lamp', type: 'light', home_id: 'home', location: 'desk', status: 'active', connected: false },
      },
    })
    const id = field(made.body, 'device', 'id')
    const key = field(made.body, 'api_key')
    expect(key).toMatch(/^hk_[a-z0-9]{12}_[\w-]{27}$/)
    const shown = await call('GET', `/devices/${id}`)
    expect(shown).toMatchObject({ status: 200, body: { device: { id, last_seen_at: null, firmware_version: null } } })
    expect(JSON.stringify([shown.body, (await call('GET', `/devices/${id}/keys`)).body])).not.toContain(key.slice(16))
  })

  test('takes an id of its own, once; a failed attempt leaves no key behind', async () => {
    await hub.device('taken')
    const { body, status } = await call('POST', '/devices', { id: 'taken', name: 'again' })
    expect({ body, status }).toMatchObject({ status: 409, body: { error: 'conflict', message: /taken/ } })
    expect((await call('GET', '/devices/taken/keys')).body).toMatchObject({ keys: [{ device_id: 'taken' }] })
  })

  test.each([
    ['an unknown field', { name: 'x', role: 'admin' }],
    ['another’s number', { name: 'x', num: 1 }],
    ['an id outside the grammar', { id: 'Ä/#', name: 'x' }],
    ['an id that is a path', { id: '../etc', name: 'x' }],
    ['an empty name', { name: ' ' }],
    ['a name over several lines', { name: 'a\r\nb' }],
    ['a name with an escape', { name: '\u001b[31mred' }],
    ['a long name', { name: 'x'.repeat(129) }],
    ['no body', undefined],
    ['a list', []],
    ['null', null],
  ])('is not made from %s', async (_, body) =>
    expect(await call('POST', '/devices', body)).toMatchObject({ status: 400, body: { error: 'invalid_request' } }),
  )

  test('is not made in a home that does not exist', async () =>
    expect(await call('POST', '/devices', { name: 'x', home_id: 'elsewhere' })).toMatchObject({ status: 404 }))

  test('is changed, and only in what may change', async () => {
    await hub.device('changing')
    const { body } = await call('PATCH', '/devices/changing', { name: 'New', location: 'hall', status: 'maintenance' })
    expect(body).toMatchObject({ device: { name: 'New', location: 'hall', status: 'maintenance', type: 'device' } })
    for (const smuggled of [{ home_id: 'other' }, { id: 'other' }, { created_at: 1 }, { constructor: 1 }])
      expect((await call('PATCH', '/devices/changing', smuggled)).status).toBe(400)
    expect((await call('PATCH', '/devices/changing', { status: 'deleted' })).status).toBe(400)
    expect((await call('PATCH', '/devices/nowhere', { name: 'x' })).status).toBe(404)
  })

  test('that is made inactive is cut off, over HTTP too', async () => {
    const key = await hub.device('retired')
    expect((await own(key, 'GET', '/devices/status')).status).toBe(200)
    await call('PATCH', '/devices/retired', { status: 'inactive' })
    expect(hub.told).toContainEqual({ disconnect: { device_id: 'retired' }, reason: 'revoked' })
    expect((await own(key, 'GET', '/devices/status')).status).toBe(403)
  })

  test('that is deleted is gone with its key, its sockets and what was retained', async () => {
    const key = await hub.device('doomed')
    await own(key, 'POST', '/telemetry', '{"a":1}')
    expect((await call('DELETE', '/devices/doomed')).status).toBe(204)
    expect((await call('GET', '/devices/doomed')).status).toBe(404)
    expect((await call('GET', '/telemetry/doomed')).status).toBe(404)
    expect((await own(key, 'GET', '/devices/status')).status).toBe(401)
    expect(hub.told).toContainEqual({ disconnect: { device_id: 'doomed' }, reason: 'revoked' })
    expect(hub.told).toContainEqual({ deviceDeleted: { id: 'doomed', home_id: 'home' } })
    expect((await call('DELETE', '/devices/doomed')).status).toBe(404)
  })
})

describe('the list of devices', () => {
  let many: Started
  const list = async (query: string) => many.call('GET', `/api/v1/devices?${query}`)
  beforeAll(async () => {
    many = await startApi()
    for (const id of ['a1', 'a2', 'b1'])
      await many.device(id, { type: id.startsWith('a') ? 'light' : 'lock', room_id: 'hall' })
    await many.device('odd', { name: "100% _wild_ 'quoted'; drop table devices;--" })
    await many.call('PATCH', '/api/v1/devices/b1', { body: { name: 'École maternelle' } })
    const device = { device_id: 'a1', home_id: 'home', status: 'online', reason: null, at: 5, session: 1 } as const
    await recordPresence(many.store.db, device)
  })
  afterAll(() => many.close())

  test.each([
    ['', ['a1', 'a2', 'b1', 'odd']],
    ['type=light', ['a1', 'a2']],
    ['room_id=hall&type=lock', ['b1']],
    ['home_id=home', ['a1', 'a2', 'b1', 'odd']],
    ['home_id=elsewhere', []],
    ['status=active&connected=true', ['a1']],
    ['connected=false', ['a2', 'b1', 'odd']],
    ['q=A1', ['a1']],
    ['q=%25', ['odd']],
    [`q=${encodeURIComponent('École MAT')}`, ['b1']],
    ['q=_', ['odd']],
    ['q=%25%25', []],
    [`q=${encodeURIComponent("' or 1=1 --")}`, []],
    [`q=${encodeURIComponent("'quoted'; DROP")}`, ['odd']],
    [`type=${encodeURIComponent("light' or '1'='1")}`, []],
  ])('?%s', async (query, expected) => {
    const { status, body } = await list(query)
    expect(status).toBe(200)
    expect(ids(body)).toEqual(expected)
  })

  test('comes in pages that neither skip nor repeat', async () => {
    const first = await list('limit=3')
    expect(ids(first.body)).toEqual(['a1', 'a2', 'b1'])
    const rest = await list(`limit=3&cursor=${field(first.body, 'next_cursor')}`)
    expect(rest.body).toMatchObject({ devices: [{ id: 'odd' }], next_cursor: null })
  })

  test.each([
    'limit=0',
    'limit=-1',
    'limit=1001',
    'limit=1e9',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'cursor=not-a-cursor',
    `cursor=${Buffer.from('{"a":1}').toString('base64url')}`,
    `cursor=${Buffer.from('5').toString('base64url')}`,
    'status=gone',
    'connected=maybe',
    'sort=name%3Bdrop',
    'statsu=active',
    '__proto__=1',
    'home_id=a%27b',
  ])('?%s is refused', async query =>
    expect(await list(query)).toMatchObject({ status: 400, body: { error: 'invalid_request' } }),
  )
})

describe('keys', () => {
  test('several are valid at once; a revoked one opens nothing and its sockets are cut', async () => {
    const first = await hub.device('rotating')
    const made = await call('POST', '/devices/rotating/keys', { name: 'second', expires_at: Date.now() + 60_000 })
    expect(made).toMatchObject({ status: 201, body: { key: { name: 'second', revoked_at: null, use_count: 0 } } })
    const second = field(made.body, 'api_key')
    for (const key of [first, second]) expect((await own(key, 'GET', '/devices/status')).status).toBe(200)
    const { key_id } = await authenticateKey(hub.store.db, first)
    expect((await call('DELETE', `/devices/rotating/keys/${key_id}`)).status).toBe(204)
    expect(hub.told).toContainEqual({ disconnect: { key_id }, reason: 'revoked' })
    expect((await own(first, 'GET', '/devices/status')).status).toBe(401)
    expect((await own(second, 'GET', '/devices/status')).status).toBe(200)
    expect((await call('DELETE', `/devices/rotating/keys/${key_id}`)).status).toBe(404)
    expect((await call('GET', '/devices/rotating/keys')).body).toMatchObject({
      keys: [{ id: key_id }, { name: 'second' }],
    })
  })

  test('may be made without a body', async () => {
    await hub.device('plain')
    expect((await call('POST', '/devices/plain/keys')).status).toBe(201)
  })

  test('another device’s key is not revoked', async () => {
    await hub.device('mine')
    const { key_id } = await authenticateKey(hub.store.db, await hub.device('yours'))
    expect((await call('DELETE', `/devices/mine/keys/${key_id}`)).status).toBe(404)
  })

  test.each([[{ expires_at: 1000 }], [{ expires_at: 'tomorrow' }], [{ expires_at: 1.5 }], [{ hash: 'x' }]])(
    'are not made from %j',
    async body => {
      expect((await call('POST', '/devices/plain/keys', body)).status).toBe(400)
    },
  )
})

describe('state', () => {
  test('a wish is merged, told after the commit, and open until it is reported', async () => {
    await hub.device('lamp')
    const device = { id: 'lamp', home_id: 'home' }
    expect((await call('GET', '/devices/lamp/state')).body).toMatchObject({
      state: { reported: {}, desired: {}, open: {} },
    })
    await call('PATCH', '/devices/lamp/desired', { power: 'on', brightness: 200 })
    const { status, body } = await call('PATCH', '/devices/lamp/desired', { brightness: null, colour: { hue: 3 } })
    expect(status).toBe(200)
    expect(body).toMatchObject({ state: { desired: { power: 'on', colour: { hue: 3 } }, desired_version: 2 } })
    expect(hub.told.filter(told => JSON.stringify(told) === JSON.stringify({ desiredChanged: device }))).toHaveLength(2)
    await mergeReported(hub.store.db, device, { power: 'on' }, 7)
    expect((await call('GET', '/devices/lamp/state')).body).toMatchObject({
      state: { reported: { power: 'on' }, reported_at: 7, open: { colour: { hue: 3 } } },
    })
  })

  test.each([
    '[]',
    '"on"',
    '1',
    'null',
    '{"__proto__":{"a":1}}',
    `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`,
    '{"a":1,"a":2}',
  ])('a wish is not %s', async raw => {
    const answer = await hub.call('PATCH', '/api/v1/devices/lamp/desired', { raw })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('a wish does not grow without end', async () => {
    await hub.device('hoarder')
    const page = 'x'.repeat(40_000)
    expect((await call('PATCH', '/devices/hoarder/desired', { a: page })).status).toBe(200)
    expect((await call('PATCH', '/devices/hoarder/desired', { b: page })).status).toBe(413)
    expect((await call('PATCH', '/devices/hoarder/desired', { c: `${page}${page}` })).status).toBe(413)
  })
})

describe('reports', () => {
  test('events, heartbeats and log lines come newest first, in pages', async () => {
    const key = await hub.device('talker')
    const device = await authenticateKey(hub.store.db, key)
    for (const n of [1, 2, 3]) {
      const origin = { received_at: n, message_id: null, dup: false }
      await recordEvent(hub.store.db, device, { kind: 'event', ts: n, data: n === 2 ? 'pressed' : { n } }, origin)
      await recordLogLine(hub.store.db, device, { level: 'warn', message: `line ${n}\u001b` }, origin)
      await own(key, 'POST', '/devices/heartbeat', JSON.stringify({ uptime: n }))
    }
    const first = await call('GET', '/devices/talker/events?limit=2')
    expect(first.body).toMatchObject({ events: [{ data: { n: 3 } }, { data: 'pressed', ts: 2, kind: 'event' }] })
    const second = await call('GET', `/devices/talker/events?limit=2&cursor=${field(first.body, 'next_cursor')}`)
    expect(second.body).toMatchObject({ events: [{ data: { n: 1 } }], next_cursor: null })
    expect((await call('GET', '/devices/talker/log')).body).toMatchObject({
      log: [{ level: 'warn', message: 'line 3\u001b' }, {}, {}],
    })
    const { body } = await call('GET', '/devices/talker/heartbeats')
    expect(body).toMatchObject({ heartbeats: [{ vitals: { uptime: 3 } }, {}, {}], next_cursor: null })
    for (const list of ['events', 'heartbeats', 'log']) {
      expect((await call('GET', `/devices/talker/${list}?cursor=zzz`)).status).toBe(400)
      expect((await call('GET', `/devices/nowhere/${list}`)).status).toBe(404)
    }
  })
})

describe('a device’s own view', () => {
  test('shows it itself and what it should be', async () => {
    const key = await hub.device('self')
    await call('PATCH', '/devices/self/desired', { power: 'on' })
    expect(await own(key, 'GET', '/devices/status')).toMatchObject({
      status: 200,
      body: { device: { id: 'self' }, desired: { version: 1, desired: { power: 'on' } } },
    })
  })

  test('a heartbeat and telemetry are stored before the answer', async () => {
    const key = await hub.device('reporter')
    expect(await own(key, 'POST', '/telemetry', '[{"ts":1767225600000,"data":{"t":1}}]')).toMatchObject({ status: 202 })
    expect((await call('GET', '/telemetry/reporter')).body).toMatchObject({
      telemetry: [{ ts: 1767225600000, data: { t: 1 } }],
    })
    expect(await own(key, 'POST', '/devices/heartbeat', '{"battery":87}')).toMatchObject({ status: 202 })
  })

  test.each(['{"a":', '[[1]]', '{"a":1}{"b":2}', '{"a":1,"a":2}', '{"a":[1]}', '\ufeff{"a":1}'])(
    'telemetry %s is quarantined, and the answer says where',
    async raw => {
      const answer = await own(await authKey(), 'POST', '/telemetry', raw)
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_payload' } })
      const { details } = answer.body as { details: string[] }
      const id = /^quarantine_id: (\w+)$/.exec(details.at(-1) ?? '')?.[1]
      const { body } = await call('GET', `/ops/quarantine/${id}`)
      expect(body).toMatchObject({ quarantined: { topic: 'telemetry', payload_text: raw, replayed_at: null } })
    },
  )
  let known: string | undefined
  const authKey = async () => {
    known ??= await hub.device('clumsy')
    return known
  }

  test('more than 256 KiB is too large, and no body is none', async () => {
    const key = await authKey()
    const big = JSON.stringify({ a: 'x'.repeat(256 * 1024) })
    expect(await own(key, 'POST', '/telemetry', big)).toMatchObject({
      status: 413,
      body: { error: 'payload_too_large' },
    })
    expect(await own(key, 'POST', '/telemetry')).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test.each(['', 'hk_', `hk_${'a'.repeat(12)}_${'b'.repeat(27)}`, "' or 1=1 --", 'x'.repeat(4096)])(
    'is not for the key %s',
    async key => {
      expect((await own(key, 'GET', '/devices/status')).status).toBe(401)
    },
  )
})
