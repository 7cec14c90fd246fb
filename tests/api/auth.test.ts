import { decodeJwt, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashPassword } from '../../src/people/passwords.js'
import { logIn } from '../../src/people/sessions.js'
import { createUser } from '../../src/people/users.js'
import { admin, field, type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const post = (path: string, body: unknown) => hub.call('POST', `/api/v1/auth/${path}`, { body, key: null })
const withToken = (token: string) =>
  hub.call('GET', '/api/v1/users/me', { key: null, headers: { authorization: `Bearer ${token}` } })

describe('a session', () => {
  test.each([
    ['email', admin.email],
    ['email', admin.email.toUpperCase()],
    ['username', admin.username],
  ])('begins with %s %s and the password', async (name, value) => {
    const answer = await post('login', { [name]: value, password: admin.password })
    expect(answer).toMatchObject({
      status: 200,
      body: { expires_in: 900, user: { email: admin.email, role: 'admin' } },
    })
    expect(JSON.stringify(answer.body)).not.toContain('hash')
    expect(await withToken(field(answer.body, 'access_token'))).toMatchObject({
      status: 200,
      body: { user: { id: hub.user.id, username: 'admin' } },
    })
  })

  test('does not begin with a wrong password or an unknown name, and both are told alike', async () => {
    const wrong = await post('login', { email: admin.email, password: 'wrong' })
    const unknown = await post('login', { email: 'nobody@example.org', password: 'wrong' })
    expect(wrong.status).toBe(401)
    expect(unknown.body).toEqual(wrong.body)
  })

  test.each([
    [{}],
    [{ password: 'x' }],
    [{ email: 'a', username: 'a', password: 'x' }],
    [{ email: ['a'], password: 'x' }],
    [{ email: 'a', password: 'x', role: 'admin' }],
    [{ email: 'a', password: '' }],
    [[]],
    ['text'],
  ])('does not begin with %j', async body =>
    expect(await post('login', body)).toMatchObject({ status: 400, body: { error: 'invalid_request' } }),
  )

  test('goes on with a refresh token, which may be used once: reuse ends the whole session', async () => {
    const first = await post('login', { username: 'admin', password: admin.password })
    const stolen = field(first.body, 'refresh_token')
    const second = await post('refresh', { refresh_token: stolen })
    expect(second).toMatchObject({ status: 200, body: { user: { username: 'admin' }, expires_in: 900 } })
    const third = await post('refresh', { refresh_token: field(second.body, 'refresh_token') })
    expect((await post('refresh', { refresh_token: stolen })).status).toBe(401)
    expect((await post('refresh', { refresh_token: field(third.body, 'refresh_token') })).status).toBe(401)
  })

  test('ends with logout', async () => {
    const { refresh_token } = await logIn(hub.store.db, hub.signing_keys, hub.user)
    expect((await post('logout', { refresh_token })).status).toBe(204)
    expect((await post('refresh', { refresh_token })).status).toBe(401)
    expect((await post('logout', { refresh_token: 'unknown' })).status).toBe(204)
  })
})

describe('an access token is refused', () => {
  const ours = () => {
    const { sid, ver } = decodeJwt(hub.token)
    return { sid, ver }
  }
  const claims = () =>
    new SignJWT(ours()).setSubject(hub.user.id).setIssuer('hearth').setAudience('hearth').setExpirationTime('5m')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const payload = () =>
    part({ ...ours(), sub: hub.user.id, iss: 'hearth', aud: 'hearth', exp: Date.now() / 1000 + 300 })
  const header = () => ({ alg: 'HS256', kid: hub.signing_keys.current.kid })
  const secret = () => hub.signing_keys.current.secret

  const forged: [string, () => Promise<string> | string][] = [
    ['without a signature (alg none)', () => `${part({ ...header(), alg: 'none', typ: 'JWT' })}.${payload()}.`],
    ['with alg None in another case', () => `${part({ ...header(), alg: 'nOnE' })}.${payload()}.`],
    [
      'signed with RS256',
      async () =>
        claims()
          .setProtectedHeader({ ...header(), alg: 'RS256' })
          .sign((await generateKeyPair('RS256')).privateKey),
    ],
    [
      'signed with our key but HS512',
      () =>
        claims()
          .setProtectedHeader({ ...header(), alg: 'HS512' })
          .sign(Buffer.concat([secret(), secret()])),
    ],
    ['signed with another key', () => claims().setProtectedHeader(header()).sign(new Uint8Array(32).fill(7))],
    [
      'that brings its own key (jwk)',
      () =>
        claims()
          .setProtectedHeader({ ...header(), jwk: { kty: 'RSA', n: 'AAAA', e: 'AQAB' } })
          .sign(new Uint8Array(32)),
    ],
    [
      'that names a key elsewhere (jku, kid)',
      () =>
        claims()
          .setProtectedHeader({ ...header(), jku: 'http://127.0.0.1/keys', kid: '../../dev/null' })
          .sign(new Uint8Array(32)),
    ],
    ['that has expired', () => claims().setExpirationTime('-1s').setProtectedHeader(header()).sign(secret())],
    [
      'without an end',
      () =>
        new SignJWT(ours())
          .setSubject(hub.user.id)
          .setIssuer('hearth')
          .setAudience('hearth')
          .setProtectedHeader(header())
          .sign(secret()),
    ],
    ['of another issuer', () => claims().setIssuer('other').setProtectedHeader(header()).sign(secret())],
    ['for another audience', () => claims().setAudience('other').setProtectedHeader(header()).sign(secret())],
    [
      'of somebody else’s session',
      () =>
        new SignJWT(ours())
          .setSubject('somebody')
          .setIssuer('hearth')
          .setAudience('hearth')
          .setExpirationTime('5m')
          .setProtectedHeader(header())
          .sign(secret()),
    ],
    ['without a kid', () => claims().setProtectedHeader({ alg: 'HS256' }).sign(secret())],
    ['that is no token', () => 'not.a.token'],
    ['of 8 KB', () => 'x'.repeat(8192)],
  ]
  test('…and one that has nothing wrong is taken', async () => {
    expect((await withToken(await claims().setProtectedHeader(header()).sign(secret()))).status).toBe(200)
  })

  test.each(forged)('%s', async (_, make) => {
    const answer = await withToken(await make())
    expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized', details: [] } })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  test('of 1 MB, with the connection', async () => {
    const answer = await withToken('x'.repeat(1024 * 1024)).catch(() => null)
    if (answer) expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect((await hub.call('GET', '/api/v1/users/me')).status).toBe(200)
  })

  test.each([
    ['no credential', {}],
    ['Basic', { authorization: 'Basic YWRtaW46YWRtaW4=' }],
    ['an API key of the wrong form', { 'x-api-key': 'hk_x' }],
    ['an empty one', { authorization: 'Bearer ' }],
  ])('%s', async (_, headers) =>
    expect((await hub.call('GET', '/api/v1/users/me', { key: null, headers })).status).toBe(401),
  )
})

describe('rights', () => {
  const as = async (role: 'staff' | 'user') => {
    const password_hash = await hashPassword('a long password')
    const person = { email: `${role}@example.org`, username: role, password_hash, role }
    const user = await createUser(hub.store.db, person)
    const { access_token } = await logIn(hub.store.db, hub.signing_keys, { ...user, token_version: 0 })
    return (method: string, path: string, body?: unknown) =>
      hub.call(method, `/api/v1${path}`, { key: null, body, headers: { authorization: `Bearer ${access_token}` } })
  }

  test('a person without homes sees nothing of another home’s things, not even that they exist', async () => {
    await hub.device('private')
    const call = await as('user')
    expect(await call('GET', '/devices')).toMatchObject({ status: 200, body: { devices: [], next_cursor: null } })
    const paths = ['', '/state', '/events', '/heartbeats', '/log', '/keys', '/commands'].map(
      rest => `/devices/private${rest}`,
    )
    for (const path of [...paths, '/telemetry/private', '/telemetry/private/latest', '/telemetry/private/export']) {
      const [theirs, nowhere] = [await call('GET', path), await call('GET', path.replace('private', 'nowhere'))]
      expect(theirs.status, path).toBe(404)
      expect(theirs.body).toEqual(nowhere.body)
    }
    expect((await call('POST', '/devices', { name: 'x', home_id: 'home' })).status).toBe(404)
    expect((await call('PATCH', '/devices/private', { name: 'x' })).status).toBe(404)
    expect((await call('DELETE', '/devices/private')).status).toBe(404)
    expect((await call('PATCH', '/devices/private/desired', {})).status).toBe(404)
    expect((await call('POST', '/devices/private/commands', { name: 'x' })).status).toBe(404)
    expect((await call('GET', '/ops/quarantine')).status).toBe(403)
  })

  test('staff read every home and change none', async () => {
    const call = await as('staff')
    expect((await call('GET', '/devices/private')).status).toBe(200)
    expect((await call('GET', '/ops/quarantine')).status).toBe(200)
    expect((await call('PATCH', '/devices/private', { name: 'x' })).status).toBe(403)
    expect((await call('POST', '/devices/private/commands', { name: 'x' })).status).toBe(403)
    expect((await call('GET', '/devices/private/keys')).status).toBe(403)
    expect((await call('POST', '/devices', { name: 'x' })).status).toBe(403)
  })

  test('a device’s key opens no route for people, a person’s token none for devices', async () => {
    const key = await hub.device('crossing')
    expect((await hub.call('GET', '/api/v1/devices/crossing', { key })).status).toBe(401)
    expect((await hub.call('GET', '/api/v1/devices', { key })).status).toBe(401)
    expect((await hub.call('GET', '/api/v1/devices/status')).status).toBe(401)
    expect((await hub.call('POST', '/api/v1/telemetry', { body: { a: 1 } })).status).toBe(401)
  })
})
