import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { field, type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
  for (const id of ['lock', 'sleepy', 'busy']) await hub.device(id)
  hub.ready.add('lock')
})
afterAll(() => hub.close())

const call = (method: string, path: string, body?: unknown) => hub.call(method, `/api/v1${path}`, { body })
/** What was published to a device's own topic. */
const orders = (device: string) =>
  hub.published
    .filter(({ topic }) => topic === `homes/home/devices/${device}/commands`)
    .map(({ payload }) => JSON.parse(payload) as { id: string; name: string })
const sent = (id: string) => orders('lock').some(order => order.id === id)

describe('a command', () => {
  test('is written down, answered with 202, and sent to a device that is there', async () => {
    const { status, body } = await call('POST', '/devices/lock/commands', { name: 'lock', params: { bolt: 2 } })
    expect(status).toBe(202)
    expect(body).toMatchObject({
      command: { name: 'lock', params: { bolt: 2 }, status: 'queued', issued_by: hub.user.id },
    })
    const id = field(body, 'command', 'id')
    await expect.poll(() => sent(id)).toBe(true)
    await expect
      .poll(async () => (await call('GET', `/commands/${id}`)).body)
      .toMatchObject({ command: { status: 'sent', attempt: 1 } })
  })

  test('is waited for: settled, it is answered with 200', async () => {
    const answer = call('POST', '/devices/lock/commands?wait=30', { name: 'unlock' })
    const order = () => orders('lock').find(({ name }) => name === 'unlock')
    await expect.poll(order).toBeTruthy()
    const { id = '' } = order() ?? {}
    await hub.commands.result('lock', { id, status: 'accepted' })
    await hub.commands.result('lock', { id, status: 'failed', error: { code: 'jam', message: 'motor stalled' } })
    expect(await answer).toMatchObject({
      status: 200,
      body: { command: { id, status: 'failed', error: { code: 'jam' } } },
    })
  })

  test('that is not settled in the time waited for is answered with 202', async () => {
    expect(await call('POST', '/devices/sleepy/commands?wait=1', { name: 'x' })).toMatchObject({
      status: 202,
      body: { command: { status: 'queued' } },
    })
  })

  test('is cancelled while it is queued, and only then', async () => {
    const { body } = await call('POST', '/devices/sleepy/commands', { name: 'x' })
    const id = field(body, 'command', 'id')
    expect(await call('DELETE', `/commands/${id}`)).toMatchObject({
      status: 200,
      body: { command: { status: 'cancelled' } },
    })
    expect(await call('DELETE', `/commands/${id}`)).toMatchObject({ status: 409, body: { error: 'conflict' } })
    expect((await call('DELETE', '/commands/01unknown')).status).toBe(404)
    expect((await call('GET', '/commands/01unknown')).status).toBe(404)
  })

  test('supersedes one with its collapse key', async () => {
    const first = await call('POST', '/devices/busy/commands', { name: 'dim', params: { to: 1 }, collapse_key: 'dim' })
    await call('POST', '/devices/busy/commands', { name: 'dim', params: { to: 2 }, collapse_key: 'dim' })
    expect((await call('GET', `/commands/${field(first.body, 'command', 'id')}`)).body).toMatchObject({
      command: { status: 'superseded' },
    })
  })

  test('keeps any JSON as a result', async () => {
    for (const result of [null, 0, false, 'text', [1], { a: { b: 1 } }]) {
      const { body } = await call('POST', '/devices/lock/commands', { name: 'ask' })
      const id = field(body, 'command', 'id')
      await expect.poll(() => sent(id)).toBe(true)
      await hub.commands.result('lock', { id, status: 'succeeded', result })
      expect((await call('GET', `/commands/${id}`)).body).toMatchObject({ command: { status: 'succeeded', result } })
    }
  })

  test.each([
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['params that are no object', { name: 'x', params: [] }],
    ['no time to live', { name: 'x', ttl_seconds: 0 }],
    ['an endless time to live', { name: 'x', ttl_seconds: 1e9 }],
    ['an unknown field', { name: 'x', status: 'succeeded' }],
    ['a smuggled device', { name: 'x', device_id: 'lock' }],
  ])('is not made with %s', async (_, body) =>
    expect(await call('POST', '/devices/sleepy/commands', body)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    }),
  )

  test.each(['wait=61', 'wait=-1', 'wait=x', 'wait=1.5'])('?%s is refused', async query =>
    expect((await call('POST', `/devices/sleepy/commands?${query}`, { name: 'x' })).status).toBe(400),
  )

  test('of more than 64 KiB is too large', async () =>
    expect(
      (await call('POST', '/devices/sleepy/commands', { name: 'x', params: { a: 'x'.repeat(65_536) } })).status,
    ).toBe(413))

  test('has a device', async () =>
    expect((await call('POST', '/devices/nowhere/commands', { name: 'x' })).status).toBe(404))
})

test('the commands of a device come newest first, in pages, by status', async () => {
  await hub.device('many')
  for (const name of ['a', 'b', 'c']) await call('POST', '/devices/many/commands', { name })
  const first = await call('GET', '/devices/many/commands?limit=2')
  expect(first.body).toMatchObject({ commands: [{ name: 'c' }, { name: 'b' }] })
  const second = await call('GET', `/devices/many/commands?limit=2&cursor=${field(first.body, 'next_cursor')}`)
  expect(second.body).toMatchObject({ commands: [{ name: 'a' }], next_cursor: null })
  expect((await call('GET', '/devices/many/commands?status=queued')).body).toMatchObject({ commands: [{}, {}, {}] })
  expect((await call('GET', '/devices/many/commands?status=succeeded')).body).toMatchObject({ commands: [] })
  expect((await call('GET', '/devices/many/commands?status=lost')).status).toBe(400)
})

test('whoever waits is answered when the server closes', async () => {
  const closing = await startApi()
  await closing.device('sleepy')
  const answer = closing.call('POST', '/api/v1/devices/sleepy/commands?wait=60', { body: { name: 'x' } })
  const queued = async () => (await closing.store.db.selectFrom('commands').select('id').execute()).length
  await expect.poll(queued).toBe(1)
  const closed = closing.close()
  expect(await answer).toMatchObject({ status: 202, body: { command: { status: 'queued' } } })
  await closed
})
