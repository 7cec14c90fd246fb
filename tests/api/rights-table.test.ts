import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHome } from '../../src/homes/homes.js'
import { setMember } from '../../src/homes/members.js'
import { newSortableId } from '../../src/ids.js'
import { hashPassword } from '../../src/people/passwords.js'
import { createServiceToken } from '../../src/people/service-tokens.js'
import { logIn } from '../../src/people/sessions.js'
import { createUser } from '../../src/people/users.js'
import { type Started, startApi } from './harness.js'
import { type Asked, thingsOf } from './rights-things.js'

/** Who asks, in the order of the columns below. The home that is asked about is `mine`; the device speaks for itself and lives there. */
const askers = [
  'anonymous',
  'device',
  'stranger',
  'other owner',
  'member',
  'technician',
  'owner',
  'staff',
  'admin',
  'program that reads',
  'program that writes',
  'program without HTTP',
] as const
type Asker = (typeof askers)[number]

/** What each of them is answered; `ok` is anything that does not refuse. */
const rights = {
  anyone: 'ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok',
  device: '401 ok  401 401 401 401 401 401 401 401 401 401',
  person: '401 401 ok  ok  ok  ok  ok  ok  ok  403 403 403',
  list: '  401 401 ok  ok  ok  ok  ok  ok  ok  ok  ok  403',
  read: '  401 401 404 404 ok  ok  ok  ok  ok  ok  ok  403',
  act: '   401 401 404 404 ok  ok  ok  403 ok  403 ok  403',
  own: '   401 401 404 404 403 403 ok  403 ok  403 ok  403',
  maker: ' 401 401 404 404 403 403 ok  403 ok  403 403 403',
  staff: ' 401 401 403 403 403 403 403 ok  ok  403 403 403',
  admin: ' 401 401 403 403 403 403 403 403 ok  403 403 403',
} as const

let hub: Started
const password = 'a long password'
const credentials = new Map<Asker, Record<string, string>>()

const {
  onDevice,
  plain,
  home,
  inRoom,
  person,
  onPerson,
  asMember,
  onCommand,
  onGroup,
  newGroup,
  inGroup,
  onQuarantine,
  onToken,
  refreshToken,
  onKey,
  onClaim,
  newPerson,
} = thingsOf(() => hub)
const range = '?start_time=0&end_time=1'
const aggregated = '?field=a&aggregation=mean&window=1h'

/** A row for every route there is. */
const table: Readonly<Record<string, readonly [keyof typeof rights, () => Promise<Asked>]>> = {
  'GET /': ['anyone', plain()],
  'GET /health': ['anyone', plain()],
  'GET /ready': ['anyone', plain()],
  'GET /metrics': ['anyone', plain()],
  'GET /openapi.json': ['anyone', plain()],
  'GET /asyncapi.json': ['anyone', plain()],
  'POST /auth/register': ['anyone', async () => ({ body: { ...newPerson(), password } })],
  'POST /auth/login': ['anyone', plain({ username: 'owner', password })],
  'POST /auth/refresh': ['anyone', refreshToken],
  'POST /auth/logout': ['anyone', refreshToken],
  'GET /users/me': ['person', plain()],
  'PATCH /users/me': ['person', plain({ current_password: password })],
  'GET /users': ['admin', plain()],
  'POST /users': ['admin', async () => ({ body: newPerson() })],
  'GET /users/:id': ['admin', onPerson()],
  'PUT /users/:id': ['admin', async () => ({ ...(await onPerson()()), body: { ...newPerson(), role: 'user' } })],
  'PATCH /users/:id': ['admin', onPerson({ role: 'staff' })],
  'PATCH /users/:id/deactivate': ['admin', onPerson()],
  'PATCH /users/:id/activate': ['admin', onPerson()],
  'DELETE /users/:id': ['admin', onPerson()],
  'GET /homes': ['list', plain()],
  'POST /homes': ['person', plain({ name: 'new' })],
  'GET /assignments': ['person', plain()],
  'GET /homes/:id': ['read', home()],
  'PATCH /homes/:id': ['own', home({ name: 'Mine' })],
  'DELETE /homes/:id': ['own', home()],
  'GET /homes/:id/members': ['read', home()],
  'POST /homes/:id/members': [
    'own',
    async () => ({ path: { id: 'mine' }, body: { login: (await person()).email, role: 'member' } }),
  ],
  'PUT /homes/:id/members/:user_id': ['own', asMember({ role: 'technician' })],
  'DELETE /homes/:id/members/:user_id': ['own', asMember()],
  'GET /homes/:id/rooms': ['read', home()],
  'POST /homes/:id/rooms': ['own', home({ name: 'hall' })],
  'PATCH /rooms/:id': ['own', inRoom({ name: 'hall' })],
  'DELETE /rooms/:id': ['own', inRoom()],
  'GET /homes/:id/claim-codes': ['own', home()],
  'POST /homes/:id/claim-codes': ['own', home({})],
  'DELETE /homes/:id/claim-codes/:claim_id': ['own', onClaim],
  'GET /devices': ['list', plain()],
  'POST /devices': ['own', plain({ name: 'new', home_id: 'mine' })],
  'POST /devices/register': ['own', plain({ name: 'new', home_id: 'mine' })],
  'GET /devices/:id': ['read', onDevice()],
  'PATCH /devices/:id': ['own', onDevice({ name: 'x' })],
  'DELETE /devices/:id': ['own', onDevice()],
  'GET /devices/:id/keys': ['own', onDevice()],
  'POST /devices/:id/keys': ['own', onDevice({})],
  'DELETE /devices/:id/keys/:key_id': ['own', onKey],
  'GET /devices/:id/state': ['read', onDevice()],
  'PATCH /devices/:id/desired': ['act', onDevice({ a: 1 })],
  'GET /devices/:id/events': ['read', onDevice()],
  'GET /devices/:id/heartbeats': ['read', onDevice()],
  'GET /devices/:id/log': ['read', onDevice()],
  'GET /devices/:id/quarantine': ['read', onDevice()],
  'GET /devices/:id/groups': ['read', onDevice()],
  'GET /devices/:id/commands': ['read', onDevice()],
  'POST /devices/:id/commands': ['act', onDevice({ name: 'x' })],
  'GET /commands/:id': ['read', onCommand],
  'DELETE /commands/:id': ['act', onCommand],
  'GET /telemetry/:id': ['read', onDevice()],
  'GET /telemetry/:id/latest': ['read', onDevice()],
  'GET /telemetry/:id/aggregated': ['read', onDevice(undefined, aggregated)],
  'GET /telemetry/:id/export': ['read', onDevice()],
  'DELETE /telemetry/:id': ['own', onDevice(undefined, range)],
  'GET /devices/status': ['device', plain()],
  'POST /devices/heartbeat': ['device', plain({})],
  'POST /telemetry': ['device', plain({ a: 1 })],
  'GET /groups': ['list', plain()],
  'POST /groups': ['person', plain({ name: 'g' })],
  'GET /groups/:id': ['read', onGroup()],
  'PUT /groups/:id': ['maker', onGroup({ name: 'g' })],
  'DELETE /groups/:id': ['maker', async () => ({ path: { id: await newGroup() } })],
  'POST /groups/:id/devices/:device_id': ['maker', inGroup],
  'DELETE /groups/:id/devices/:device_id': ['maker', inGroup],
  'POST /groups/:id/commands': ['act', onGroup({ name: 'x' })],
  'GET /groups/:id/commands/:batch_id': [
    'read',
    async () => ({ path: { id: await newGroup(), batch_id: newSortableId() } }),
  ],
  'GET /tokens': ['admin', plain()],
  'POST /tokens': ['admin', plain({ name: 'x' })],
  'DELETE /tokens/:id': ['admin', onToken],
  'GET /ops/quarantine': ['staff', plain()],
  'GET /ops/quarantine/:id': ['staff', onQuarantine],
  'POST /ops/quarantine/:id/replay': ['staff', onQuarantine],
  'GET /ops/overview': ['staff', plain()],
  'GET /ops/homes': ['staff', plain()],
  'GET /ops/audit': ['staff', plain()],
  'GET /ops/audit/verify': ['staff', plain()],
  'GET /admin/stats': ['admin', plain()],
  'POST /admin/signing-keys': ['admin', plain({})],
}

beforeAll(async () => {
  hub = await startApi()
  const { db } = hub.store
  for (const id of ['mine', 'other']) await createHome(db, { id, name: id })
  const password_hash = await hashPassword(password)
  const user = async (username: string, role: 'user' | 'staff' | 'admin') => {
    const made = await createUser(db, { email: `${username}@example.org`, username, role, password_hash })
    const { access_token } = await logIn(db, hub.signing_keys, made)
    return { id: made.id, authorization: { authorization: `Bearer ${access_token}` } }
  }
  for (const role of ['member', 'technician', 'owner'] as const) {
    const { id, authorization } = await user(role, 'user')
    await setMember(db, 'mine', id, role)
    credentials.set(role, authorization)
  }
  const other = await user('other', 'user')
  await setMember(db, 'other', other.id, 'owner')
  credentials.set('other owner', other.authorization)
  credentials.set('stranger', (await user('stranger', 'user')).authorization)
  for (const role of ['staff', 'admin'] as const) credentials.set(role, (await user(`the-${role}`, role)).authorization)
  credentials.set('device', { 'x-api-key': await hub.device('own', { home_id: 'mine' }) })
  const scopes = { publish: ['homes/mine/#'], subscribe: ['homes/mine/#'], expires_at: null, created_by: 'test' }
  for (const [asker, api] of [
    ['reads', 'read'],
    ['writes', 'write'],
  ] as const) {
    const { secret } = await createServiceToken(db, { name: asker, api, ...scopes })
    credentials.set(`program that ${asker}`, { authorization: `Bearer ${secret}` })
  }
  const { secret } = await createServiceToken(db, { name: 'mute', api: 'none', ...scopes })
  credentials.set('program without HTTP', { authorization: `Bearer ${secret}` })
})
afterAll(() => hub.close())

const routes = () =>
  hub.api.declared
    .filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/docs'))
    .map(({ method, url }) => `${method} ${url.replace('/api/v1', '')}`)

test('every route has a row, and every row a route', () => {
  expect(Object.keys(table).sort()).toEqual([...new Set(routes())].sort())
})

test.each(Object.entries(table))('%s', async (route, [right, make]) => {
  const [method = '', url = ''] = route.split(' ')
  const prefix = hub.api.declared.some(one => one.url === `/api/v1${url}`) ? '/api/v1' : ''
  const expected = rights[right].trim().split(/ +/)
  const seen: string[] = []
  for (const asker of askers) {
    const { path = {}, query = '', body } = await make()
    const filled = url.replaceAll(/:(\w+)/g, (_, name: string) => path[name] ?? '')
    const headers = credentials.get(asker) ?? {}
    const { status } = await hub.call(method, `${prefix}${filled}${query}`, {
      key: null,
      headers,
      ...(body && { body }),
    })
    expect([route, asker, status]).toEqual([
      route,
      asker,
      expect.toSatisfy((code: number) => code !== 400 && code < 500),
    ])
    seen.push([401, 403, 404].includes(status) ? String(status) : 'ok')
  }
  expect(Object.fromEntries(askers.map((asker, i) => [asker, seen[i]]))).toEqual(
    Object.fromEntries(askers.map((asker, i) => [asker, expected[i]])),
  )
})

test('every change is in the audit under the name that its route declares', async () => {
  // The home above holds devices and so stays.
  await hub.call('POST', '/api/v1/homes', { body: { id: 'gone', name: 'gone' } })
  await hub.call('DELETE', '/api/v1/homes/gone')
  const { audit } = await auditOf('done')
  const named = hub.api.declared.flatMap(({ action }) => action ?? [])
  // Refreshing changes nothing that anybody would ask about.
  const wanted = new Set(named.filter(action => action !== 'session.refresh'))
  expect([...new Set(audit.map(({ action }) => action))].sort()).toEqual([...wanted].sort())
  for (const { actor_kind, address, request_id } of audit) {
    expect(['person', 'service', 'claim', 'anonymous']).toContain(actor_kind)
    expect([address, request_id]).toEqual(['127.0.0.1', expect.stringMatching(/^[0-9a-z]{26}$/)])
  }
})

test('and so is every refusal', async () => {
  const refused = await expect.poll(async () => new Set((await auditOf('refused')).audit.map(({ action }) => action)))
  for (const [route, [right]] of Object.entries(table)) {
    if (right === 'anyone' || right === 'list' || right === 'person') continue
    const [method = '', url = ''] = route.split(' ')
    const declared = hub.api.declared.find(one => one.method === method && one.url.endsWith(url))
    await refused.toContain(declared?.action ?? `${method} /api/v1${url}`)
  }
})

interface Row {
  readonly action: string
  readonly actor_kind: string
  readonly address: string
  readonly request_id: string
}

async function auditOf(outcome: 'done' | 'refused'): Promise<{ audit: Row[] }> {
  const audit: Row[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page = `limit=1000${cursor ? `&cursor=${cursor}` : ''}`
    const { body } = await hub.call('GET', `/api/v1/ops/audit?outcome=${outcome}&${page}`)
    const { audit: rows, next_cursor } = body as { audit: Row[]; next_cursor: string | null }
    audit.push(...rows)
    cursor = next_cursor
  }
  return { audit }
}
