import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { field, type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
  await hub.device('lamp')
  await hub.device('fan')
})
afterAll(() => hub.close())

const send = (key: string, method: string, path: string, body?: unknown) =>
  hub.call(method, `/api/v1${path}`, { body, headers: { 'idempotency-key': key } })
const count = async (table: 'homes' | 'device_keys' | 'commands' | 'telemetry' | 'audit') =>
  (
    await hub.store.db
      .selectFrom(table)
      .select(eb => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
  ).n

describe('a change with an Idempotency-Key', () => {
  test('is made once, and answered the same again', async () => {
    const before = await count('homes')
    const first = await send('home-1', 'POST', '/homes', { name: 'Cabin' })
    const again = await send('home-1', 'POST', '/homes', { name: 'Cabin' })
    expect(first.status).toBe(201)
    expect(again).toMatchObject({ status: 201, body: first.body })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await count('homes')).toBe(before + 1)
  })

  test('is answered again with the version it made', async () => {
    const first = await send('wish', 'PATCH', '/devices/lamp/desired', { on: true })
    const again = await send('wish', 'PATCH', '/devices/lamp/desired', { on: true })
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(again.headers.get('etag')).toMatch(/^"\d+"$/)
  })

  test('is made once, however many ask at once', async () => {
    const before = await count('homes')
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send('home-2', 'POST', '/homes', { name: 'Barn' })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]))
    expect(await count('homes')).toBe(before + 1)
  })

  test('answers nothing again that was a deletion, but 204', async () => {
    const { body } = await send('home-3', 'POST', '/homes', { name: 'Shed' })
    const path = `/homes/${field(body, 'home', 'id')}`
    expect((await send('gone', 'DELETE', path)).status).toBe(204)
    expect((await send('gone', 'DELETE', path)).status).toBe(204)
    expect((await send('gone-again', 'DELETE', path)).status).toBe(404)
  })

  test('is refused when the key stood for something else', async () => {
    await send('twice', 'POST', '/homes', { name: 'One' })
    expect(await send('twice', 'POST', '/homes', { name: 'Two' })).toMatchObject({ status: 409 })
  })

  test('keeps nothing from which a password could be guessed', async () => {
    const body = { email: 'g@example.org', username: 'guess', role: 'user', password: 'a long password' }
    expect((await send('guess', 'POST', '/users', body)).status).toBe(201)
    const plain = createHash('sha256')
      .update(JSON.stringify(['POST', '/api/v1/users', body]))
      .digest('base64url')
    const rows = await hub.store.db.selectFrom('idempotency_keys').select('fingerprint').execute()
    expect(rows.map(({ fingerprint }) => fingerprint)).not.toContain(plain)
  })

  test('that failed may be sent again', async () => {
    expect((await send('fails', 'POST', '/homes', { name: '' })).status).toBe(400)
    expect((await send('fails', 'POST', '/homes', { name: 'Right' })).status).toBe(201)
  })

  test('keeps no secret: who asks again is told that it was done', async () => {
    const before = await count('device_keys')
    expect((await send('key', 'POST', '/devices/lamp/keys', {})).status).toBe(201)
    expect(await send('key', 'POST', '/devices/lamp/keys', {})).toMatchObject({ status: 409 })
    expect(await count('device_keys')).toBe(before + 1)
    const rows = await hub.store.db.selectFrom('idempotency_keys').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain('hk_')
  })

  test.each(['', 'a b', 'é', 'x'.repeat(129)])('is refused when the key is %j', async key => {
    const answer = await fetch(`${hub.url}/api/v1/homes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${hub.token}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: '{"name":"x"}',
    })
    expect(answer.status).toBe(400)
  })
})

describe('a command with an Idempotency-Key', () => {
  test('is given once, and is answered as it is by then', async () => {
    const [before, audited] = [await count('commands'), await count('audit')]
    const first = await send('on', 'POST', '/devices/lamp/commands', { name: 'on' })
    const id = field(first.body, 'command', 'id')
    await hub.call('DELETE', `/api/v1/commands/${id}`)
    const again = await send('on', 'POST', '/devices/lamp/commands', { name: 'on' })
    expect(again).toMatchObject({ status: 200, body: { command: { id, status: 'cancelled' } } })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await count('commands')).toBe(before + 1)
    // The order and its cancelling.
    expect(await count('audit')).toBe(audited + 2)
  })

  test('is given once, however many ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send('many', 'POST', '/devices/lamp/commands', { name: 'on' })),
    )
    expect(new Set(answers.map(({ body }) => field(body, 'command', 'id'))).size).toBe(1)
  })

  test('is refused when the key stood for another order', async () => {
    await send('other', 'POST', '/devices/lamp/commands', { name: 'on' })
    expect((await send('other', 'POST', '/devices/lamp/commands', { name: 'off' })).status).toBe(409)
    expect((await send('other', 'POST', '/devices/fan/commands', { name: 'on' })).status).toBe(409)
  })

  test('to a group is given to each device once, and goes on where it broke off', async () => {
    const made = await hub.call('POST', '/api/v1/groups', { body: { name: 'all' } })
    const group = field(made.body, 'group', 'id')
    await hub.call('POST', `/api/v1/groups/${group}/devices/lamp`)
    const first = await send('all', 'POST', `/groups/${group}/commands`, { name: 'off' })
    await hub.call('POST', `/api/v1/groups/${group}/devices/fan`)
    const again = await send('all', 'POST', `/groups/${group}/commands`, { name: 'off' })
    expect(field(again.body, 'batch', 'id')).toBe(field(first.body, 'batch', 'id'))
    const { commands } = again.body as { commands: { id: string; device_id: string }[] }
    expect(commands.map(({ device_id }) => device_id)).toEqual(['fan', 'lamp'])
    expect(commands[1]?.id).toBe((first.body as { commands: { id: string }[] }).commands[0]?.id)
    expect((await send('all', 'POST', `/groups/${group}/commands`, { name: 'on' })).status).toBe(409)
    const order = { name: 'dim' }
    const answers = await Promise.all([1, 2, 3].map(() => send('at-once', 'POST', `/groups/${group}/commands`, order)))
    const taken = answers.filter(({ status }) => status === 202)
    for (const { body } of taken) expect(body).toMatchObject({ batch: { total: 2 }, refused: [] })
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3 - taken.length)
  })
})
