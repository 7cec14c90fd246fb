import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Presences } from '../../src/bridge/presence.js'
import { recordSeen } from '../../src/devices/presence.js'
import { needsSignOfLife, signOfLife } from '../../src/devices/sign-of-life.js'
import { Raw } from '../broker/raw.js'
import { startHub, type TestHub, until } from '../helper.js'
import { presencesOf } from './presence.js'

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

const row = (id: string, at = hub) =>
  at.hub.store.db.selectFrom('presence').selectAll().where('device_id', '=', id).executeTakeFirstOrThrow()

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
  await until(async () => (await running.hub.store.db.selectFrom('presence').selectAll().execute()).length > 0)
  const before = await row('back', running)
  running = await running.restart()
  const presence = await watched('back', running)
  expect(await presence.becomes(({ status }) => status === 'offline')).toBeDefined()
  expect((await shown('back', running)).connected).toBe(false)
  await running.connect('back', key)
  await presence.becomes(({ status }) => status === 'online')
  expect((await row('back', running)).session).toBeGreaterThan(before.session)
  await running.close()
})

describe('what could not be written when it happened', () => {
  const connection = { connected_at: 1_700_000_000_000, address: '127.0.0.1', transport: 'tcp' } as const
  const device = (id: string) =>
    ({ kind: 'device', id, num: 1, home_id: 'home', key_id: '', expires_at: null }) as const
  const told: string[] = []
  const publish = async (topic: string, payload: string) => void told.push(`${topic} ${payload}`)

  /** What the broker tells while the table of presence is out of reach. */
  async function unreachable(tell: (presences: Presences) => Promise<void>): Promise<Presences> {
    const { store } = hub.hub
    const presences = presencesOf(store, publish)
    await store.db.schema.alterTable('presence').renameTo('presence_away').execute()
    await tell(presences)
    await store.db.schema.alterTable('presence_away').renameTo('presence').execute()
    return presences
  }

  test('is written later with its own time and reason, and told', async () => {
    await hub.device('cut-off')
    const cut = { ...connection, device: device('cut-off'), session: 9_000_001 }
    const before = Date.now()
    const presences = await unreachable(async presences => {
      await presences.connected(cut)
      await presences.disconnected(cut, 'keepalive')
    })
    const after = Date.now()
    await expect(row('cut-off')).rejects.toThrow()
    await presences.reconcile(() => [])
    const { since, ...written } = await row('cut-off')
    expect(written).toMatchObject({ status: 'offline', reason: 'keepalive', session: cut.session })
    expect(since >= before && since <= after).toBe(true)
    expect(told.filter(line => line.includes('cut-off'))).toEqual([expect.stringContaining('keepalive')])
  })

  test('and not when something newer was written meanwhile, nor for a device that is no more', async () => {
    for (const id of ['newer', 'deleted']) await hub.device(id)
    const old = (id: string) => ({ ...connection, device: device(id), session: 9_000_002 })
    const presences = await unreachable(async presences => {
      for (const id of ['newer', 'deleted']) await presences.disconnected(old(id), 'slow')
    })
    await hub.client.delete('/devices/deleted')
    const holder = { ...old('newer'), session: 9_000_003 }
    await presences.connected(holder)
    await presences.reconcile(() => [holder])
    expect(await row('newer')).toMatchObject({ status: 'online', reason: null, session: holder.session })
    await expect(row('deleted')).rejects.toThrow()
  })
})

test('a sign of life is needed only while somebody is online, and when nothing else was written lately', async () => {
  const { db } = hub.hub.store
  const key = await hub.device('alive')
  await db.updateTable('presence').set({ status: 'offline' }).execute()
  const later = Date.now() + 60_000
  expect(await needsSignOfLife(db, later)).toBe(false)
  await hub.connect('alive', key)
  await until(async () => (await shown('alive')).connected)
  expect(await needsSignOfLife(db, later)).toBe(true)
  await recordSeen(db, new Map([['alive', later]]))
  expect(await needsSignOfLife(db, later)).toBe(false)
  expect(await signOfLife(db, later)).toBe(later)
  // A clock that was wrong once hides nothing.
  expect(await signOfLife(db, later - 1)).toBeLessThan(later - 50_000)
})
