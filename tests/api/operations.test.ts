import { afterAll, beforeAll, expect, test } from 'vitest'
import { Traffic } from '../../src/operations/traffic.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
  const sensor = await hub.connect('sensor', await hub.device('sensor'))
  await hub.device('spare')
  await hub.client.patch('/devices/spare', { status: 'maintenance' })
  for (let i = 0; i < 20; i++) await sensor.publishAsync('devices/sensor/telemetry', `{"i":${i}}`, { qos: 1 })
  await sensor.publishAsync('devices/sensor/telemetry', '{"broken', { qos: 1 })
  sensor.on('message', (_, payload) => {
    const { id } = JSON.parse(payload.toString())
    sensor.publish('devices/sensor/commands/result', JSON.stringify({ id, status: 'succeeded' }), { qos: 1 })
  })
  await sensor.subscribeAsync('devices/sensor/commands', { qos: 1 })
  await hub.client.post('/devices/sensor/commands?wait=10', { name: 'blink' })
  await hub.client.post('/devices/spare/commands', { name: 'wait' })
})
afterAll(() => hub.close())

test('the overview counts devices, people, commands, messages and bytes', async () => {
  const look = async () => (await hub.client.get<{ overview: Record<string, unknown> }>('/ops/overview')).overview
  const overview = await until(async () => {
    const now = await look()
    return JSON.stringify(now.devices).includes('"online":1') ? now : null
  })
  expect(overview).toMatchObject({
    devices: { total: 2, by_status: { active: 1, maintenance: 1 }, by_presence: { online: 1, offline: 1 } },
    homes: 1,
    people: 1,
    commands_open: 1,
    alerts_open: 0,
    quarantined: 1,
    connections: 1,
  })
  expect(overview.messages_per_minute).toBeGreaterThan(20)
  const storage = overview.storage as Record<string, number>
  expect(storage.database_bytes).toBeGreaterThan(100_000)
  expect(storage.used_bytes).toBeGreaterThan(100_000)
  expect(storage).toMatchObject({
    budget_bytes: null,
    limited_by: 'disk',
    bytes_per_day: null,
    full_at: null,
    late_samples: 0,
  })
})

test('a home and a device may keep telemetry as long as they say, until it is taken back', async () => {
  for (const [path, one] of [
    ['/homes/home', 'home'],
    ['/devices/spare', 'device'],
  ] as const) {
    const told = async () => (await hub.client.get<Record<string, unknown>>(path))[one]
    expect(await told()).toMatchObject({ retention: null })
    await hub.client.patch(path, { retention: 'raw=7d,1m=30d' })
    expect(await told()).toMatchObject({ retention: 'raw=7d,1m=30d' })
    await expect(hub.client.patch(path, { retention: 'raw=7' })).rejects.toMatchObject({
      code: 'invalid_request',
      details: [expect.stringContaining('retention: is written like raw=30d')],
    })
    await hub.client.patch(path, { retention: null })
    expect(await told()).toMatchObject({ retention: null, retention_fields: null })
    const retention_fields = { energy: 'raw=forever', 'a.b "c"': 'raw=1d,1m=7d' }
    await hub.client.patch(path, { retention_fields })
    expect(await told()).toMatchObject({ retention: null, retention_fields })
    await expect(hub.client.patch(path, { retention_fields: { energy: '1d=forever' } })).rejects.toMatchObject({
      code: 'invalid_request',
      details: [expect.stringContaining('names 1h or 1d')],
    })
    await hub.client.patch(path, { retention_fields: null })
    expect(await told()).toMatchObject({ retention_fields: null })
  }
})

test('the metrics tell of late samples, of open alerts, and what the store takes and has left', async () => {
  await hub.client.post('/alerts', { home_id: 'home', severity: 'minor', message: 'x' })
  const text = await (await fetch(`${hub.http_url}/metrics`)).text()
  expect(text).toMatch(/^hearth_telemetry_late_samples 0$/m)
  expect(text).toMatch(/^hearth_alerts_open\{severity="critical"\} 0$/m)
  expect(text).toMatch(/^hearth_alerts_open\{severity="minor"\} 1$/m)
  for (const part of ['database', 'used', 'free'])
    expect(text).toMatch(new RegExp(`^hearth_storage_bytes\\{part="${part}"\\} [1-9]`, 'm'))
})

test('every home has its numbers', async () => {
  await hub.client.post('/homes', { id: 'another', name: 'Another' })
  const first = await hub.client.get<{ next_cursor: string }>('/ops/homes?limit=1')
  expect(first).toMatchObject({ homes: [{ id: 'another', devices: 0, online: 0, people: 1 }] })
  expect(await hub.client.get(`/ops/homes?limit=1&cursor=${first.next_cursor}`)).toMatchObject({
    homes: [{ id: 'home', devices: 2, online: 1, commands_open: 1, alerts_open: 1, quarantined: 1 }],
    next_cursor: null,
  })
})

test('the statistics name the devices that take longest', async () => {
  const { stats } = await hub.client.get<{ stats: Record<string, unknown> }>('/admin/stats')
  expect(stats).toMatchObject({
    slowest: [{ device_id: 'sensor', commands: 1, mean_ms: expect.any(Number) }],
    broker: { devices: 1 },
    memory: { rss_bytes: expect.any(Number) },
  })
})

test.each([
  '/docs/../../package.json',
  '/docs/static/..%2f..%2f..%2fpackage.json',
  '/docs/static/%2e%2e/%2e%2e/package.json',
  '//etc/passwd',
])('no file outside is served at %s', async path => {
  const answer = await fetch(hub.http_url + path)
  const text = await answer.text()
  expect(answer.status).toBe(404)
  expect(text).not.toContain('"dependencies"')
})

test('messages a minute are told to a tenth', async () => {
  let count = 0
  const traffic = new Traffic(() => count)
  // A whole count comes to a fraction only after the first five seconds.
  count = 0.123
  await until(() => traffic.perMinute() > 0)
  expect(traffic.perMinute()).toBe(1.5)
  traffic.stop()
})
