import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, startHub, type TestHub } from '../helper.js'
import { run } from '../programs.js'

let hub: TestHub
let key: string

beforeAll(async () => {
  hub = await startHub()
  key = await hub.device('c1')
})
afterAll(() => hub.close())

/** @returns the status and the body */
async function curl(path: string, ...more: string[]): Promise<[number, string]> {
  const { code, out, err } = await run('curl', ['-sS', '-w', '\n%{http_code}', `${hub.http_url}${path}`, ...more])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const cut = out.lastIndexOf('\n')
  return [Number(out.slice(cut + 1)), out.slice(0, cut)]
}

const json = ['-H', 'Content-Type: application/json']

test('curl logs in, and lists devices with the token it got', async () => {
  const [status, body] = await curl('/api/v1/auth/login', ...json, '-d', JSON.stringify(admin))
  expect(status).toBe(200)
  const { access_token } = JSON.parse(body) as { access_token: string }
  const [listed, devices] = await curl('/api/v1/devices', '-H', `Authorization: Bearer ${access_token}`)
  expect(listed).toBe(200)
  expect(JSON.parse(devices)).toMatchObject({ devices: [{ id: 'c1' }], next_cursor: null })
})

test('curl stores a reading with a device key, answered 202 once it can be read back', async () => {
  const [status] = await curl('/api/v1/telemetry', ...json, '-H', `X-API-Key: ${key}`, '-d', '{"temperature":21.5}')
  expect(status).toBe(202)
  const [, latest] = await curl('/api/v1/telemetry/c1/latest', '-H', `Authorization: Bearer ${hub.access_token}`)
  expect(JSON.parse(latest)).toMatchObject({ latest: { temperature: { value: 21.5 } } })
})

test('curl without a key, or with a wrong one, is answered 401 as JSON', async () => {
  for (const headers of [[], ['-H', `X-API-Key: ${key}x`]]) {
    const [status, body] = await curl('/api/v1/telemetry', ...json, ...headers, '-d', '{"temperature":1}')
    expect(status).toBe(401)
    expect(JSON.parse(body)).toMatchObject({ error: 'unauthorized' })
  }
})

test('curl exports what was stored as CSV', async () => {
  const query = 'start_time=-1h&end_time=now&format=csv'
  const [status, text] = await curl(
    `/api/v1/telemetry/c1/export?${query}`,
    '-H',
    `Authorization: Bearer ${hub.access_token}`,
  )
  expect(status).toBe(200)
  expect(text).toContain('21.5')
})
