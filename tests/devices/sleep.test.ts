import type { Packet } from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { type Presence, recordPresence } from '../../src/devices/presence.js'
import { recordOverdue, recordSleep } from '../../src/devices/sleep.js'
import { connectPacket, publishPacket, Raw } from '../broker/raw.js'
import { startHub, type TestHub, until } from '../helper.js'
import { heartbeatOverHttp, presenceOf, presencesOf } from './presence.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const minute = 60_000
const goodbye: Packet = { cmd: 'disconnect' }
const beat = (id: string, vitals: object, messageId = 1) =>
  publishPacket(`devices/${id}/heartbeat`, messageId, JSON.stringify(vitals))
const shown = (id: string) => presenceOf(hub, id)
const becomes = (id: string, status: Presence['status']) =>
  until(async () => {
    const now = await shown(id)
    return now.status === status ? now : null
  })

/** A new device that is connected and has said these heartbeats, each acknowledged. */
async function heard(id: string, ...heartbeats: object[]) {
  const key = await hub.device(id)
  return { key, raw: await connected(id, key, ...heartbeats) }
}

async function connected(id: string, key: string, ...heartbeats: object[]) {
  const raw = new Raw(hub.hub.ports.mqtt).connect(id, { password: Buffer.from(key), keepalive: 1 })
  await raw.next('connack')
  await becomes(id, 'online')
  for (const vitals of heartbeats) {
    raw.send(beat(id, vitals))
    await raw.next('puback')
  }
  return raw
}

describe('a device that has said next_in sleeps when its connection ends', () => {
  test.each([
    ['clean', (raw: Raw) => raw.send(goodbye)],
    ['network', (raw: Raw) => raw.socket.destroy()],
    ['keepalive', () => undefined],
  ] as const)('%s: until then, and the reason is kept', async (reason, end) => {
    const before = Date.now()
    const { raw } = await heard(`bed-${reason}`, { next_in: 10 * minute })
    const online = await shown(`bed-${reason}`)
    expect(online).toMatchObject({ status: 'online', connected: true, reason: null })
    expect(online.wakes_at).toBeGreaterThanOrEqual(before + 10 * minute)
    end(raw)
    const asleep = await becomes(`bed-${reason}`, 'sleeping')
    expect(asleep).toMatchObject({ reason, connected: false, session: online.session, wakes_at: online.wakes_at })
    expect(asleep.since).toBeGreaterThanOrEqual(online.since ?? 0)
  })

  test('also when it connects, says so and leaves within one packet', async () => {
    const key = await hub.device('brief')
    const heard = await hub.listen('homes/home/devices/brief/presence')
    for (let round = 0; round < 20; round++) {
      const hello = connectPacket('brief', { password: Buffer.from(key) })
      new Raw(hub.hub.ports.mqtt).send(hello, beat('brief', { next_in: minute }, round % 2), goodbye)
      await until(() => heard.messages.filter(({ payload }) => payload.includes('"online"')).length === round + 1)
      await becomes('brief', 'sleeping')
    }
    const [first] = heard.messages.filter(({ payload }) => payload.includes('"sleeping"'))
    const told = { status: 'sleeping', since: expect.any(Number), reason: 'clean', last_seen_at: expect.any(Number) }
    expect(JSON.parse(first?.payload ?? '')).toEqual(told)
  })

  test('its device object and the filters show it as asleep, not as connected', async () => {
    const { raw } = await heard('napper', { next_in: minute })
    raw.send(goodbye)
    await becomes('napper', 'sleeping')
    const { device } = await hub.client.get<{ device: object }>('/devices/napper')
    expect(device).toMatchObject({ connected: false, presence: 'sleeping' })
    const ids = async (connected: boolean) =>
      (await hub.client.get<{ devices: { id: string }[] }>(`/devices?connected=${connected}`)).devices.map(
        ({ id }) => id,
      )
    expect(await ids(true)).not.toContain('napper')
    expect(await ids(false)).toContain('napper')
    const { overview } = await hub.client.get<{ overview: { devices: { by_presence: Record<string, number> } } }>(
      '/ops/overview',
    )
    expect(overview.devices.by_presence.sleeping).toBeGreaterThan(0)
    const { homes } = await hub.client.get<{ homes: { sleeping: number }[] }>('/ops/homes')
    expect(homes[0]?.sleeping).toBeGreaterThan(0)
  })
})

describe('and is offline', () => {
  test.each([
    ['nothing', {}],
    ['zero', { next_in: 0 }],
    ['null', { next_in: null }],
  ])('when it took that back with %s', async (name, vitals) => {
    const { raw } = await heard(`woken-${name}`, { next_in: minute }, vitals)
    expect(await shown(`woken-${name}`)).toMatchObject({ status: 'online', wakes_at: null })
    raw.send(goodbye)
    expect(await becomes(`woken-${name}`, 'offline')).toMatchObject({ reason: 'clean' })
  })

  test('when the time it said is over before it leaves', async () => {
    const { raw } = await heard('late', { next_in: 1 })
    await until(async () => ((await shown('late')).wakes_at ?? 0) < Date.now())
    raw.send(goodbye)
    expect(await becomes('late', 'offline')).toMatchObject({ reason: 'clean' })
  })

  test('when it said so on a connection before this one, unless it says so again', async () => {
    const { key, raw } = await heard('again', { next_in: 10 * minute })
    raw.send(goodbye)
    await becomes('again', 'sleeping')
    const second = await connected('again', key)
    expect(await shown('again')).toMatchObject({ status: 'online', wakes_at: null })
    second.send(goodbye)
    expect(await becomes('again', 'offline')).toMatchObject({ reason: 'clean', wakes_at: null })
    const third = await connected('again', key, { next_in: minute })
    third.socket.destroy()
    await becomes('again', 'sleeping')
  })

  test('when its connection ends for another reason', async () => {
    const { raw } = await heard('cut', { next_in: minute })
    raw.send(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))
    expect(await becomes('cut', 'offline')).toMatchObject({ reason: 'protocol' })
    await heard('barred', { next_in: minute })
    await hub.client.patch('/devices/barred', { status: 'inactive' })
    expect(await becomes('barred', 'offline')).toMatchObject({ reason: 'revoked' })
  })
})

describe('a heartbeat and the end of its connection may be written in either order', () => {
  // In the future, where the hub's own job does not look yet.
  const begun = Date.now() + 86_400_000
  const connection = { connected_at: begun, session: 9_000_000 }
  const ended = (device_id: string, reason: Presence['reason']) =>
    recordPresence(hub.hub.store.db, { device_id, status: 'offline', reason, at: begun + 2000, ...connection })
  const said = (device_id: string, received_at: number) =>
    recordSleep(hub.hub.store.db, { device_id, received_at, next_in: minute })

  test.each([
    ['clean', 'sleeping'],
    ['network', 'sleeping'],
    ['keepalive', 'sleeping'],
    ['protocol', 'offline'],
    ['takeover', 'offline'],
  ] as const)('%s: %s', async (reason, status) => {
    const [first, second] = [`first-${reason}`, `second-${reason}`]
    for (const id of [first, second]) await hub.device(id)
    await said(first, begun + 1000)
    await ended(first, reason)
    await ended(second, reason)
    await said(second, begun + 1000)
    const expected = {
      status,
      reason,
      since: begun + 2000,
      last_seen_at: begun + 2000,
      wakes_at: status === 'sleeping' ? begun + 1000 + minute : null,
    }
    for (const id of [first, second]) expect(await shown(id)).toMatchObject(expected)
    // A heartbeat that comes after the end came over HTTP: it is asleep, whatever that was.
    await said(second, begun + 3000)
    expect(await shown(second)).toMatchObject({
      status: 'sleeping',
      last_seen_at: begun + 3000,
      wakes_at: begun + 3000 + minute,
    })
    expect(await said(second, begun + 2500)).toBeNull()
    expect((await shown(second)).wakes_at).toBe(begun + 3000 + minute)
  })
})

describe('a device that speaks only HTTP', () => {
  test('sleeps when it says so, and is never online', async () => {
    const key = await hub.device('http')
    expect(await shown('http')).toMatchObject({ status: 'offline', since: null, last_seen_at: null, session: 0 })
    const heard = await hub.listen('homes/home/devices/http/presence')
    await heartbeatOverHttp(hub, key, { next_in: 10 * minute })
    const first = await shown('http')
    expect(first).toMatchObject({ status: 'sleeping', connected: false, reason: null, session: 0 })
    expect(first.wakes_at).toBe((first.since ?? 0) + 10 * minute)
    await heard.next(({ payload }) => payload.includes('"sleeping"'))
    await heartbeatOverHttp(hub, key, { next_in: 20 * minute })
    const second = await shown('http')
    expect(second).toMatchObject({ status: 'sleeping', since: first.since })
    expect(second.wakes_at).toBeGreaterThan(first.wakes_at ?? 0)
    await heartbeatOverHttp(hub, key, {})
    const third = await shown('http')
    expect(third).toMatchObject({ status: 'offline', wakes_at: null })
    expect(third.last_seen_at).toBeGreaterThanOrEqual(second.last_seen_at ?? 0)
    await heard.next(({ payload }) => payload.includes('"offline"'))
  })

  test('is seen by a heartbeat that says nothing of sleep', async () => {
    const key = await hub.device('http-awake')
    const before = Date.now()
    await heartbeatOverHttp(hub, key, { battery: 80 })
    const seen = await shown('http-awake')
    expect(seen).toMatchObject({ status: 'offline', connected: false, reason: null })
    expect(seen.last_seen_at).toBeGreaterThanOrEqual(before)
    await heartbeatOverHttp(hub, key, {})
    const again = await shown('http-awake')
    expect(again).toMatchObject({ status: 'offline', since: seen.since })
    expect(again.last_seen_at).toBeGreaterThanOrEqual(seen.last_seen_at ?? 0)
  })

  test('is seen by its readings too', async () => {
    const api_key = await hub.device('http-reader')
    await new HearthClient({ url: hub.http_url, api_key }).post('/telemetry', { a: 1 })
    await until(async () => (await shown('http-reader')).last_seen_at !== null, 20_000)
    expect(await shown('http-reader')).toMatchObject({ status: 'offline', connected: false, session: 0 })
  }, 30_000)
})

describe('who does not come back is offline, overdue', () => {
  test('a tenth of its sleep later, at least 30 s, at most 10 min', async () => {
    const { db } = hub.hub.store
    // In the future, where the hub's own job does not look yet.
    const said = Date.now() + 86_400_000
    const graces = { 1: 30_000, 600000: 60_000, 86400000: 600_000 }
    for (const [ms, grace] of Object.entries(graces)) {
      const device_id = `overdue-${ms}`
      await heartbeatOverHttp(hub, await hub.device(device_id), { next_in: minute })
      const wakes_at = said + Number(ms)
      const asleep = { since: said, wakes_at, next_in: Number(ms) }
      await db.updateTable('presence').set(asleep).where('device_id', '=', device_id).execute()
      const overdueAt = async (now: number) =>
        (await recordOverdue(db, now, 0)).filter(presence => presence.device_id === device_id)
      expect(await overdueAt(wakes_at + grace - 1)).toEqual([])
      const offline = { status: 'offline', reason: 'overdue', since: wakes_at + grace }
      expect(await overdueAt(wakes_at + grace)).toMatchObject([offline])
    }
  })

  test('which is told, and over when it is heard again', async () => {
    const { key, raw } = await heard('lost', { next_in: 10 * minute })
    raw.send(goodbye)
    const { wakes_at } = await becomes('lost', 'sleeping')
    const since = (wakes_at ?? 0) + minute
    const { store } = hub.hub
    const told: string[] = []
    const publish = async (topic: string, payload: string) => void told.push(`${topic} ${payload}`)
    await presencesOf(store, publish).endSleep(since)
    expect(await shown('lost')).toMatchObject({ status: 'offline', reason: 'overdue', since, wakes_at: null })
    const lost = told.filter(line => line.startsWith('homes/home/devices/lost/presence '))
    expect(lost).toEqual([expect.stringContaining(`{"status":"offline","since":${since},"reason":"overdue"`)])
    await heartbeatOverHttp(hub, key, { next_in: minute })
    expect(await shown('lost')).toMatchObject({ status: 'sleeping', reason: null })
    await connected('lost', key)
  })

  test('not while the hub itself was away: the grace counts from its start', async () => {
    const key = await hub.device('patient')
    await heartbeatOverHttp(hub, key, { next_in: minute })
    const opened_at = ((await shown('patient')).wakes_at ?? 0) + 3_600_000
    const overdueAt = async (now: number) =>
      (await recordOverdue(hub.hub.store.db, now, opened_at)).filter(({ device_id }) => device_id === 'patient')
    expect(await overdueAt(opened_at + 29_999)).toEqual([])
    expect(await overdueAt(opened_at + 30_000)).toMatchObject([{ reason: 'overdue', since: opened_at + 30_000 }])
  })
})

test('a device that is made inactive while it sleeps is offline, revoked', async () => {
  const { raw } = await heard('dismissed', { next_in: 60 * minute })
  raw.send(goodbye)
  await becomes('dismissed', 'sleeping')
  await hub.client.patch('/devices/dismissed', { status: 'inactive' })
  expect(await becomes('dismissed', 'offline')).toMatchObject({ reason: 'revoked', wakes_at: null })
})

test('a device whose last key is revoked while it sleeps is offline, revoked', async () => {
  const { raw } = await heard('keyless', { next_in: 60 * minute })
  raw.send(goodbye)
  await becomes('keyless', 'sleeping')
  const { key } = await hub.client.post<{ key: { id: string } }>('/devices/keyless/keys')
  const { keys } = await hub.client.get<{ keys: { id: string }[] }>('/devices/keyless/keys')
  await hub.client.delete(`/devices/keyless/keys/${keys.find(({ id }) => id !== key.id)?.id}`)
  expect(await becomes('keyless', 'sleeping')).toMatchObject({ status: 'sleeping' })
  await hub.client.delete(`/devices/keyless/keys/${key.id}`)
  expect(await becomes('keyless', 'offline')).toMatchObject({ reason: 'revoked', wakes_at: null })
})
