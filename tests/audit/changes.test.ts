import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openForWriting } from '../../src/store/sqlite.js'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson } from '../people/person.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

interface Row {
  readonly seq: number
  readonly actor_kind: string
  readonly actor_id: string | null
  readonly address: string
  readonly request_id: string | null
  readonly action: string
  readonly target: string
  readonly home_id: string | null
  readonly times: number
  readonly detail: object | null
}
const find = async (query: string) => (await hub.client.get<{ audit: Row[] }>(`/ops/audit?${query}`)).audit
const refusals = (action: string, target: string) =>
  until(async () => {
    const rows = await find(`outcome=refused&action=${encodeURIComponent(action)}&target=${encodeURIComponent(target)}`)
    return rows.length > 0 ? rows : null
  })

test('a change says who, what, from where, and the id that its answer carries', async () => {
  const person = await newPerson(hub)
  const { id } = (await person.client.post<{ home: { id: string } }>('/homes', { name: 'Mine' })).home
  const answer = await fetch(`${hub.http_url}/api/v1/homes/${id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${person.access_token}`, 'content-type': 'application/json' },
    body: '{"name":"Ours"}',
  })
  expect(await find(`home_id=${id}&action=home.change`)).toMatchObject([
    {
      actor_kind: 'person',
      actor_id: person.id,
      address: '127.0.0.1',
      request_id: answer.headers.get('x-request-id'),
      target: `home/${id}`,
      detail: { name: 'Ours' },
    },
  ])
})

test('a change whose row cannot be written is not made', async () => {
  await hub.device('kept')
  const raw = openForWriting(`${hub.data_dir}/hearth.db`, 'full')
  raw.exec('alter table audit rename to elsewhere')
  await expect(hub.client.patch('/devices/kept', { name: 'changed' })).rejects.toMatchObject({ code: 'internal' })
  await expect(hub.client.post('/devices/kept/commands', { name: 'x' })).rejects.toMatchObject({ code: 'internal' })
  raw.exec('alter table elsewhere rename to audit')
  raw.close()
  expect(await hub.client.get('/devices/kept')).toMatchObject({ device: { name: 'kept' } })
  expect(await hub.client.get('/devices/kept/commands')).toMatchObject({ commands: [] })
})

describe('a refusal is written down', () => {
  test('over HTTP: what is not there for somebody, what they may not, and a credential that is wrong', async () => {
    const stranger = await newPerson(hub)
    await expect(stranger.client.get('/devices/kept')).rejects.toMatchObject({ code: 'not_found' })
    await expect(stranger.client.get('/ops/overview')).rejects.toMatchObject({ code: 'forbidden' })
    expect(await refusals('GET /api/v1/devices/:id', '/api/v1/devices/kept')).toMatchObject([{ actor_id: stranger.id }])
    expect(await refusals('GET /api/v1/ops/overview', '/api/v1/ops/overview')).toMatchObject([
      { actor_id: stranger.id },
    ])
    await fetch(`${hub.http_url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"username":"admin","password":"wrong"}',
    })
    expect(await refusals('session.begin', '/api/v1/auth/login')).toMatchObject([{ actor_kind: 'anonymous' }])
  })

  test('over MQTT: a foreign topic, a foreign filter, and a key that is wrong', async () => {
    const device = await hub.connect('nosy', await hub.device('nosy'))
    await device.subscribeAsync('devices/kept/#').catch(() => undefined)
    expect(await refusals('mqtt.subscribe', 'devices/kept/#')).toMatchObject([
      { actor_kind: 'device', actor_id: 'nosy' },
    ])
    device.publish('devices/kept/telemetry', '{}', { qos: 1 })
    expect(await refusals('mqtt.publish', 'devices/kept/telemetry')).toMatchObject([{ actor_id: 'nosy' }])
    await expect(hub.connect('nosy', 'hk_wrong')).rejects.toMatchObject({ code: 4 })
    expect(await refusals('mqtt.connect', 'bad_credentials')).toMatchObject([
      { actor_kind: 'anonymous', address: '127.0.0.1' },
    ])
  })

  test('once, however often it is repeated within a minute; what was repeated is counted when the hub ends', async () => {
    const stranger = await newPerson(hub)
    for (let i = 0; i < 500; i++) await stranger.client.get('/admin/stats').catch(() => undefined)
    expect(await refusals('GET /api/v1/admin/stats', '/api/v1/admin/stats')).toHaveLength(1)
    hub = await hub.restart()
    const rows = await find(`outcome=refused&actor_id=${stranger.id}`)
    expect(rows.reduce((sum, { times }) => sum + times, 0)).toBe(500)
    expect(rows.length).toBeLessThanOrEqual(2)
  })
})

test('whoever is refused in a thousand ways hides nobody else’s refusals', async () => {
  const [noisy, other] = [await newPerson(hub), await newPerson(hub)]
  const client = await mqtt.connectAsync(hub.mqtt_url, {
    clientId: 'user-n',
    username: 'x',
    password: noisy.access_token,
  })
  const filters = Array.from({ length: 1100 }, (_, i) => `homes/nowhere-${i}/#`)
  for (let at = 0; at < filters.length; at += 1) client.subscribe(filters[at] ?? '', { qos: 1 }, () => undefined)
  await client.subscribeAsync('last').catch(() => undefined)
  await expect(other.client.get('/admin/stats')).rejects.toMatchObject({ code: 'forbidden' })
  await until(async () => (await find(`outcome=refused&actor_id=${other.id}`)).length === 1)
  await client.endAsync(true)
  hub = await hub.restart()
  const rows = await find(`outcome=refused&actor_id=${noisy.id}&limit=1000`)
  expect(rows.length).toBeLessThan(250)
  expect(rows.reduce((sum, { times }) => sum + times, 0)).toBe(1101)
})

test('the audit holds together after all this, also across a restart', async () => {
  expect(await hub.client.get('/ops/audit/verify')).toMatchObject({ verdict: { ok: true, bad: null } })
})

test('a session that ends in the audit names the person', async () => {
  const person = await newPerson(hub)
  await hub.client.post('/auth/logout', { refresh_token: person.refresh_token })
  expect(await find(`action=session.end&target=user/${person.id}`)).toHaveLength(1)
  await expect(
    mqtt.connectAsync(hub.mqtt_url, { username: 'x', password: person.access_token, reconnectPeriod: 0 }),
  ).rejects.toMatchObject({ code: 4 })
})
