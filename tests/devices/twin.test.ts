import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeReported } from '../../src/devices/state.js'
import { stateAt, trimStateChanges } from '../../src/devices/state-history.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

type Json = Record<string, unknown>
interface State {
  readonly reported: Json
  readonly reported_version: number
  readonly desired: Json
  readonly desired_version: number
  readonly desired_by: string | null
  readonly open: Json
}
interface Twin {
  readonly client: MqttClient
  readonly told: { version?: number; desired?: Json }[]
  report(state: object): Promise<unknown>
}

/** A device that hears its wishes. */
async function twin(id: string, key: string): Promise<Twin> {
  const client = await hub.connect(id, key)
  const told: Twin['told'] = []
  client.on('message', (_, payload) => told.push(JSON.parse(payload.toString())))
  await client.subscribeAsync(`devices/${id}/desired`, { qos: 1 })
  const report = (state: object) => client.publishAsync(`devices/${id}/state`, JSON.stringify(state), { qos: 1 })
  return { client, told, report }
}

const read = async (id: string, query = '') =>
  (await hub.client.get<{ state: State }>(`/devices/${id}/state${query}`)).state
const wish = async (id: string, desired: object) =>
  (await hub.client.patch<{ state: State }>(`/devices/${id}/desired`, desired)).state
/** Waits until the hub knows that the device has heard this wish. */
const heard = (id: string, version: number) =>
  until(async () => {
    const row = await hub.hub.store.db
      .selectFrom('device_state')
      .select('seen_version')
      .where('device_id', '=', id)
      .executeTakeFirst()
    return (row?.seen_version ?? 0) >= version
  })

describe('a change at the device itself', () => {
  test('ends a wish that it had heard, and only then', async () => {
    const key = await hub.device('lamp')
    const first = await twin('lamp', key)
    await first.report({ power: 'off', level: 10 })
    const { desired_version } = await wish('lamp', { level: 200 })
    await heard('lamp', desired_version)
    await first.report({ power: 'off', level: 10 })
    expect(await read('lamp')).toMatchObject({ desired: { level: 200 }, open: { level: 200 } })
    await first.report({ level: 200 })
    await first.report({ level: 50 })
    expect(await read('lamp')).toMatchObject({ desired: {}, open: {}, desired_by: 'device', reported: { level: 50 } })
    expect(first.told.at(-1)).toEqual({})

    await first.client.endAsync()
    await wish('lamp', { level: 100 })
    // It was turned while it was away: the wish, which it does not know yet, is the newer one.
    const away = await hub.connect('lamp', key)
    await away.publishAsync('devices/lamp/state', '{"level":30}', { qos: 1 })
    expect(await read('lamp')).toMatchObject({ desired: { level: 100 }, open: { level: 100 } })
    await away.endAsync()
  })

  test('ends a wish that was made while it was connected, whether or not it listens for wishes', async () => {
    const deaf = await hub.connect('deaf', await hub.device('deaf'))
    const report = (state: object) => deaf.publishAsync('devices/deaf/state', JSON.stringify(state), { qos: 1 })
    await report({ level: 10, mode: 'a' })
    await wish('deaf', { level: 200, mode: 'b' })
    await report({ level: 10, mode: 'c' })
    expect(await read('deaf')).toMatchObject({ desired: { level: 200 }, open: { level: 200 } })
  })

  test('is undone where the hub wins, and a device that can do no better is not told for ever', async () => {
    const key = await hub.device('valve')
    expect(await hub.client.patch('/devices/valve', { twin_policy: 'hub_wins' })).toMatchObject({
      device: { twin_policy: 'hub_wins' },
    })
    const valve = await twin('valve', key)
    await valve.report({ open: 0 })
    const { desired_version } = await wish('valve', { open: 100 })
    await heard('valve', desired_version)
    await valve.report({ open: 100 })
    await until(() => valve.told.at(-1)?.desired === undefined)
    await valve.report({ open: 40 })
    await until(() => valve.told.at(-1)?.desired?.open === 100)
    const before = valve.told.length
    for (let i = 0; i < 5; i++) await valve.report({ open: 90 })
    await valve.report({ open: 100 })
    await until(() => valve.told.at(-1)?.desired === undefined)
    // Once for 90, and {} at the end.
    expect(valve.told.length - before).toBeLessThanOrEqual(2)
  })
})

test('a device that answers a wish with ever other values is not told for ever', async () => {
  const key = await hub.device('jitter')
  await hub.client.patch('/devices/jitter', { twin_policy: 'hub_wins' })
  const device = await twin('jitter', key)
  await wish('jitter', { rpm: 1500 })
  for (let i = 0; i < 50; i++) await device.report({ rpm: 990 + i })
  await device.report({ rpm: 1500 })
  await until(() => device.told.at(-1)?.desired === undefined)
  expect(device.told.length).toBeLessThanOrEqual(12)
})

test('a device with a kept session is told the newest wish when it comes back, without asking', async () => {
  const key = await hub.device('kept')
  const keep = { clean: false }
  const first = await hub.connect('kept', key, keep)
  await first.subscribeAsync('devices/kept/#', { qos: 1 })
  await first.publishAsync('devices/kept/state', '{"level":1}', { qos: 1 })
  await first.endAsync()
  for (const level of [2, 3]) await wish('kept', { level })
  await hub.connect('kept', key, keep)
  await heard('kept', 2)
  expect(await read('kept')).toMatchObject({ desired_version: 2, open: { level: 3 } })
})

test('versions grow with changes, and not with reports that say the same', async () => {
  const device = await twin('same', await hub.device('same'))
  for (const state of [{ a: 1 }, { a: 1 }, { a: 1, b: null }, { a: 2 }]) await device.report(state)
  expect(await read('same')).toMatchObject({ reported: { a: 2 }, reported_version: 2 })
})

test('a wish with If-Match is taken only if the state is as it was known', async () => {
  await hub.device('match')
  const patch = (body: object, tag?: string) =>
    fetch(`${hub.http_url}/api/v1/devices/match/desired`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${hub.access_token}`,
        'content-type': 'application/json',
        ...(tag === undefined ? {} : { 'if-match': tag }),
      },
      body: JSON.stringify(body),
    })
  expect((await patch({ a: 1 }, '"0"')).headers.get('etag')).toBe('"1"')
  expect((await patch({ a: 2 }, '"0"')).status).toBe(412)
  expect((await patch({ a: 2 }, '"7", "1"')).status).toBe(200)
  expect((await patch({ a: 3 }, '*')).status).toBe(200)
  expect((await patch({ a: 4 }, 'W/"3"')).status).toBe(400)
  expect((await read('match')).desired).toEqual({ a: 3 })
  // Of two who know the same state one is refused.
  const both = await Promise.all([patch({ b: 1 }, '"3"'), patch({ b: 2 }, '"3"')])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 412])
})

test('the history has every change, and the state at any time', async () => {
  const device = await twin('past', await hub.device('past'))
  const states: { at: number; reported: Json }[] = []
  for (let i = 0; i < 150; i++) {
    await device.report({ n: i, [`k${i % 7}`]: i % 3 === 0 ? null : { v: i } })
    const { reported } = await read('past')
    states.push({ at: Date.now(), reported })
    await until(() => Date.now() > (states.at(-1)?.at ?? 0))
  }
  for (const i of [0, 1, 62, 63, 64, 65, 100, 149]) {
    const { at = 0, reported } = states[i] ?? {}
    expect(await read('past', `?at=${at}`)).toMatchObject({ reported, reported_version: i + 1 })
  }
  await expect(read('past', '?at=+1h')).rejects.toMatchObject({ code: 'invalid_request' })
  expect(await read('past', '?at=2021-01-01')).toMatchObject({ reported: {}, reported_version: 0, reported_at: null })
  await wish('past', { n: 5 })
  const { changes, next_cursor } = await hub.client.get<{ changes: Json[]; next_cursor: string }>(
    '/devices/past/state/history?limit=2',
  )
  expect(changes).toMatchObject([
    { part: 'desired', version: 1, change: { n: 5 }, by: expect.any(String) },
    { part: 'reported', version: 150, change: { n: 149, k2: { v: 149 } }, by: null },
  ])
  expect(next_cursor).toEqual(expect.any(String))
  const reported = await hub.client.get<{ changes: Json[] }>('/devices/past/state/history?part=reported&limit=1000')
  expect(reported.changes).toHaveLength(150)
})

test('old changes go in whole pieces, so that what is left can still be told', async () => {
  const { db } = hub.hub.store
  await hub.device('old')
  const at = (i: number) => 1_700_000_000_000 + i
  for (let i = 1; i <= 200; i++)
    await mergeReported(db, { id: 'old', home_id: 'home' }, { n: i }, { at: at(i), connected_at: null })
  expect(await trimStateChanges(db, at(150))).toBe(128)
  expect(await stateAt(db, 'old', 'reported', at(140))).toMatchObject({ value: { n: 140 }, version: 140 })
  await expect(stateAt(db, 'old', 'reported', at(100))).rejects.toMatchObject({ code: 'not_found' })
  expect(await trimStateChanges(db, at(150))).toBe(0)
})

test('a device reads over HTTP what is desired of it, and reports its state there', async () => {
  const api_key = await hub.device('http')
  await wish('http', { level: 3 })
  const call = (method: string, body?: string) =>
    fetch(`${hub.http_url}/api/v1/devices/config`, {
      method,
      headers: { 'x-api-key': api_key, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body } : {}),
    })
  expect(await (await call('GET')).json()).toEqual({ desired: { level: 3 }, version: 1 })
  expect((await call('PUT', '{"level":3}')).status).toBe(202)
  expect(await read('http')).toMatchObject({ reported: { level: 3 }, open: {} })
})
