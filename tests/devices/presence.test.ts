import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Raw } from '../broker/raw.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

interface Presence {
  readonly status: string
  readonly reason: string | null
  readonly since: number
  readonly last_seen_at: number
}

async function watched(id: string, at = hub) {
  const heard = await at.listen(`homes/home/devices/${id}/presence`)
  const all = () => heard.messages.map(({ payload }) => JSON.parse(payload) as Presence)
  return { all, becomes: (fits: (presence: Presence) => boolean) => until(() => all().findLast(fits)) }
}
const shown = async (id: string, at = hub) =>
  (await at.client.get<{ device: { connected: boolean; presence: string } }>(`/devices/${id}`)).device

describe('a device is online while its socket is, and offline with the reason why it ended', () => {
  test('clean: it said goodbye', async () => {
    const key = await hub.device('clean')
    const presence = await watched('clean')
    const before = Date.now()
    const device = await hub.connect('clean', key)
    const online = await presence.becomes(({ status }) => status === 'online')
    expect(online).toMatchObject({ reason: null })
    expect(online.since).toBeGreaterThanOrEqual(before)
    expect(await shown('clean')).toMatchObject({ connected: true, presence: 'online' })
    await device.endAsync()
    expect(await presence.becomes(({ status }) => status === 'offline')).toMatchObject({ reason: 'clean' })
    expect(await shown('clean')).toMatchObject({ connected: false, presence: 'offline' })
  })

  test('network: it was gone without a word', async () => {
    const device = await hub.connect('torn', await hub.device('torn'))
    const presence = await watched('torn')
    device.stream.destroy()
    expect(await presence.becomes(({ status }) => status === 'offline')).toMatchObject({ reason: 'network' })
  })

  test('keepalive: it fell silent', async () => {
    const key = await hub.device('silent')
    const presence = await watched('silent')
    const raw = new Raw(hub.hub.ports.mqtt).connect('silent', { password: Buffer.from(key), keepalive: 1 })
    await raw.next('connack')
    expect(await presence.becomes(({ status }) => status === 'offline')).toMatchObject({ reason: 'keepalive' })
  })

  test('takeover: the newer connection holds, and the device ends up online', async () => {
    const key = await hub.device('twin')
    const first = await hub.connect('twin', key)
    const presence = await watched('twin')
    const second = await hub.connect('twin', key)
    await until(() => !first.connected)
    await until(async () => (await shown('twin')).connected)
    await until(() => presence.all().at(-1)?.status === 'online')
    await second.publishAsync('devices/twin/telemetry', '{"a":1}', { qos: 1 })
    expect((await shown('twin')).connected).toBe(true)
    expect(presence.all().at(-1)).toMatchObject({ status: 'online' })
    await second.endAsync()
  })
})

test('of 30 connections with one id at a time, ten times over, one is left, and one presence that says online', async () => {
  const key = await hub.device('herd')
  for (let round = 0; round < 10; round++) {
    const raws = Array.from({ length: 30 }, () =>
      new Raw(hub.hub.ports.mqtt).connect('herd', { password: Buffer.from(key) }),
    )
    await until(() => raws.filter(raw => !raw.closed).length === 1)
    const [left] = raws.filter(raw => !raw.closed)
    left?.send({ cmd: 'pingreq' })
    await left?.next('pingresp')
    await until(async () => (await shown('herd')).connected)
    const rows = await hub.hub.store.db.selectFrom('presence').selectAll().where('device_id', '=', 'herd').execute()
    expect(rows).toHaveLength(1)
    expect(rows[0]?.status).toBe('online')
    const text = await (await fetch(`${hub.http_url}/metrics`)).text()
    expect(text).toMatch(/^hearth_broker_devices(?:{[^}]*})? \d+$/m)
  }
})

test('after a restart everything is offline until it comes back, sessions go on counting, and no old session can speak', async () => {
  let running = await startHub()
  const key = await running.device('back')
  await running.connect('back', key)
  const row = async () =>
    running.hub.store.db.selectFrom('presence').selectAll().where('device_id', '=', 'back').executeTakeFirstOrThrow()
  await until(async () => (await running.hub.store.db.selectFrom('presence').selectAll().execute()).length > 0)
  const before = await row()
  running = await running.restart()
  const presence = await watched('back', running)
  expect(await presence.becomes(({ status }) => status === 'offline')).toBeDefined()
  expect((await shown('back', running)).connected).toBe(false)
  await running.connect('back', key)
  await presence.becomes(({ status }) => status === 'online')
  expect((await row()).session).toBeGreaterThan(before.session)
  await running.close()
})
