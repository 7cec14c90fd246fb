import { afterAll, beforeAll, expect, test } from 'vitest'
import { quarantine } from '../../src/quarantine/quarantine.js'
import { type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
  await hub.device('clumsy')
})
afterAll(() => hub.close())

const keep = (payload: Buffer, topic = 'telemetry') =>
  quarantine(hub.store.db, {
    device_id: 'clumsy',
    home_id: 'home',
    topic,
    payload,
    reason: 'invalid_payload',
    message: 'not JSON',
    received_at: Date.now(),
  })
const call = (method: string, path: string, body?: unknown) =>
  hub.call(method, `/api/v1/ops/quarantine${path}`, { body })

test('the list shows payloads as text and byte for byte, cut where they are long', async () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00, 0x1b]), Buffer.alloc(100_000, 'x')])
  const id = await keep(bytes)
  const { body } = await call('GET', '?limit=1&device_id=clumsy')
  expect(body).toMatchObject({
    quarantine: [
      { id, size: 100_003, payload_base64: bytes.subarray(0, 4096).toString('base64'), reason: 'invalid_payload' },
    ],
  })
  const whole = await call('GET', `/${id}`)
  expect(whole.body).toMatchObject({ quarantined: { size: 100_003, payload_base64: bytes.toString('base64') } })
  expect((await call('GET', '?device_id=other')).body).toMatchObject({ quarantine: [] })
})

test('a message is replayed as it is', async () => {
  const id = await keep(Buffer.from('{"ts":1767225600000,"data":{"late":1}}'))
  expect(await call('POST', `/${id}/replay`)).toMatchObject({
    status: 200,
    body: { quarantined: { id, replayed_at: expect.any(Number) } },
  })
  expect((await hub.call('GET', '/api/v1/telemetry/clumsy/latest')).body).toMatchObject({
    latest: { late: { value: 1 } },
  })
  expect(await call('POST', `/${id}/replay`)).toMatchObject({ status: 409 })
})

test.each([
  ['text', '{"text":2}', 'text'],
  ['JSON', { json: 2 }, 'json'],
])('a message is replayed mended, given as %s', async (_, payload, name) => {
  const id = await keep(Buffer.from('{"text":'))
  expect((await call('POST', `/${id}/replay`, { payload })).status).toBe(200)
  expect((await hub.call('GET', '/api/v1/telemetry/clumsy/latest')).body).toMatchObject({
    latest: { [name]: { value: 2 } },
  })
})

test('a message that still cannot be understood stays, and the answer says why', async () => {
  const id = await keep(Buffer.from('{"a":'))
  expect(await call('POST', `/${id}/replay`)).toMatchObject({
    status: 400,
    body: {
      error: 'invalid_payload',
      details: [expect.stringMatching('not JSON'), expect.stringMatching(/^quarantine_id: /)],
    },
  })
  expect((await call('GET', `/${id}`)).body).toMatchObject({ quarantined: { replayed_at: null } })
})

test('what does not exist is 404, what is not valid 400', async () => {
  expect((await call('GET', '/01unknown')).status).toBe(404)
  expect((await call('POST', '/01unknown/replay')).status).toBe(404)
  const id = await keep(Buffer.from('x'))
  for (const body of [{}, { payload: 1 }, { payload: 'x', device_id: 'other' }])
    expect((await call('POST', `/${id}/replay`, body)).status).toBe(400)
  expect((await call('GET', '?cursor=x')).status).toBe(400)
})

test('a message is deleted, once, and the audit says which it was', async () => {
  const [id, other] = [await keep(Buffer.from('{"gone":'), 'state'), await keep(Buffer.from('{"stays":'))]
  expect((await call('DELETE', `/${id}`)).status).toBe(204)
  expect((await call('GET', `/${id}`)).status).toBe(404)
  expect((await call('GET', `/${other}`)).status).toBe(200)
  expect(await call('POST', `/${id}/replay`)).toMatchObject({ status: 404 })
  expect(await call('DELETE', `/${id}`)).toMatchObject({ status: 404, body: { error: 'not_found' } })
  const { body } = await hub.call('GET', '/api/v1/ops/audit?action=quarantine.delete&outcome=done')
  const detail = { quarantine_id: id, topic: 'state', reason: 'invalid_payload' }
  expect(body).toMatchObject({ audit: [{ target: 'device/clumsy', home_id: 'home', detail }] })
})
