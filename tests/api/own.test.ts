import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KeyRing } from '../../src/devices/key-ring.js'
import { recordEvent, recordLogLine } from '../../src/devices/reports.js'
import { mergeReported } from '../../src/devices/state.js'
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
    await mergeReported(hub.store.db, device, { power: 'on' }, { at: 7, connected_at: null })
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
    const device = await new KeyRing(hub.store.db, new Uses()).authenticate(key)
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
