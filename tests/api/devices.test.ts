import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KeyRing } from '../../src/devices/key-ring.js'
import { recordPresence } from '../../src/devices/presence.js'
import { Uses } from '../../src/uses.js'
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

  test('cannot be called what routes have in the place of an id', async () =>
    expect(await call('POST', '/devices', { id: 'aggregated', name: 'hidden' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', message: /aggregated/ },
    }))

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
    for (const smuggled of [{ id: 'other' }, { created_at: 1 }, { constructor: 1 }])
      expect((await call('PATCH', '/devices/changing', smuggled)).status).toBe(400)
    expect((await call('PATCH', '/devices/changing', { status: 'deleted' })).status).toBe(400)
    expect((await call('PATCH', '/devices/changing', { home_id: 'nowhere' })).status).toBe(404)
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
  let hall: string
  const list = async (query: string) => many.call('GET', `/api/v1/devices?${query.replace('HALL', hall)}`)
  beforeAll(async () => {
    many = await startApi()
    hall = field((await many.call('POST', '/api/v1/homes/home/rooms', { body: { name: 'hall' } })).body, 'room', 'id')
    for (const id of ['a1', 'a2', 'b1'])
      await many.device(id, { type: id.startsWith('a') ? 'light' : 'lock', room_id: hall })
    await many.device('odd', { name: "100% _wild_ 'quoted'; drop table devices;--" })
    await many.call('PATCH', '/api/v1/devices/b1', { body: { name: 'École maternelle' } })
    const device = { device_id: 'a1', home_id: 'home', status: 'online', reason: null, at: 5, session: 1 } as const
    await recordPresence(many.store.db, device)
  })
  afterAll(() => many.close())

  test.each([
    ['', ['a1', 'a2', 'b1', 'odd']],
    ['type=light', ['a1', 'a2']],
    ['room_id=HALL&type=lock', ['b1']],
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
    const { key_id } = await new KeyRing(hub.store.db, new Uses()).authenticate(first)
    expect((await call('DELETE', `/devices/rotating/keys/${key_id}`)).status).toBe(204)
    expect(hub.told).toContainEqual({ disconnect: { device_id: 'rotating', key_id }, reason: 'revoked' })
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
    const { key_id } = await new KeyRing(hub.store.db, new Uses()).authenticate(await hub.device('yours'))
    expect((await call('DELETE', `/devices/mine/keys/${key_id}`)).status).toBe(404)
  })

  test.each([[{ expires_at: 1000 }], [{ expires_at: 'tomorrow' }], [{ expires_at: 1.5 }], [{ hash: 'x' }]])(
    'are not made from %j',
    async body => {
      expect((await call('POST', '/devices/plain/keys', body)).status).toBe(400)
    },
  )
})
