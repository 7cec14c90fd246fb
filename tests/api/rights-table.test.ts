import { afterAll, beforeAll, expect, test } from 'vitest'
import { reserved } from '../../src/devices/devices.js'
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

const things = thingsOf(() => hub)
const range = '?start_time=0&end_time=1'
const aggregated = '?field=a&aggregation=mean&window=1h'

/** A row for every route there is. */
const table: Readonly<Record<string, readonly [keyof typeof rights, () => Promise<Asked>]>> = {
  'GET /': ['anyone', things.plain()],
  'GET /health': ['anyone', things.plain()],
  'GET /ready': ['anyone', things.plain()],
  'GET /metrics': ['anyone', things.plain()],
  'GET /openapi.json': ['anyone', things.plain()],
  'GET /asyncapi.json': ['anyone', things.plain()],
  'POST /auth/register': ['anyone', async () => ({ body: { ...things.newPerson(), password } })],
  'POST /auth/login': ['anyone', things.plain({ username: 'owner', password })],
  'POST /auth/refresh': ['anyone', things.refreshToken],
  'POST /auth/logout': ['anyone', things.refreshToken],
  'GET /users/me': ['person', things.plain()],
  'PATCH /users/me': ['person', things.plain({ current_password: password })],
  'GET /users': ['admin', things.plain()],
  'POST /users': ['admin', async () => ({ body: things.newPerson() })],
  'GET /users/:id': ['admin', things.onPerson()],
  'PUT /users/:id': [
    'admin',
    async () => ({ ...(await things.onPerson()()), body: { ...things.newPerson(), role: 'user' } }),
  ],
  'PATCH /users/:id': ['admin', things.onPerson({ role: 'staff' })],
  'PATCH /users/:id/deactivate': ['admin', things.onPerson()],
  'PATCH /users/:id/activate': ['admin', things.onPerson()],
  'DELETE /users/:id': ['admin', things.onPerson()],
  'GET /homes': ['list', things.plain()],
  'POST /homes': ['person', things.plain({ name: 'new' })],
  'GET /assignments': ['person', things.plain()],
  'GET /homes/:id': ['read', things.home()],
  'PATCH /homes/:id': ['own', things.home({ name: 'Mine' })],
  'DELETE /homes/:id': ['own', things.home()],
  'GET /homes/:id/members': ['read', things.home()],
  'POST /homes/:id/members': [
    'own',
    async () => ({ path: { id: 'mine' }, body: { login: (await things.person()).email, role: 'member' } }),
  ],
  'PUT /homes/:id/members/:user_id': ['own', things.asMember({ role: 'technician' })],
  'DELETE /homes/:id/members/:user_id': ['own', things.asMember()],
  'GET /homes/:id/rooms': ['read', things.home()],
  'POST /homes/:id/rooms': ['own', things.home({ name: 'hall' })],
  'PATCH /rooms/:id': ['own', things.inRoom({ name: 'hall' })],
  'DELETE /rooms/:id': ['own', things.inRoom()],
  'GET /homes/:id/claim-codes': ['own', things.home()],
  'POST /homes/:id/claim-codes': ['own', things.home({})],
  'DELETE /homes/:id/claim-codes/:claim_id': ['own', things.onClaim],
  'GET /devices': ['list', things.plain()],
  'POST /devices': ['own', things.plain({ name: 'new', home_id: 'mine' })],
  'POST /devices/register': ['own', things.plain({ name: 'new', home_id: 'mine' })],
  'GET /devices/:id': ['read', things.onDevice()],
  'PATCH /devices/:id': ['own', things.onDevice({ name: 'x' })],
  'DELETE /devices/:id': ['own', things.onDevice()],
  'GET /devices/:id/keys': ['own', things.onDevice()],
  'POST /devices/:id/keys': ['own', things.onDevice({})],
  'DELETE /devices/:id/keys/:key_id': ['own', things.onKey],
  'GET /devices/:id/state': ['read', things.onDevice()],
  'GET /devices/:id/state/history': ['read', things.onDevice()],
  'PATCH /devices/:id/desired': ['act', things.onDevice({ a: 1 })],
  'GET /devices/:id/presence': ['read', things.onDevice()],
  'GET /devices/:id/presence/timeline': ['read', things.onDevice()],
  'GET /devices/:id/presence/uptime': ['read', things.onDevice()],
  'GET /devices/:id/events': ['read', things.onDevice()],
  'GET /devices/:id/heartbeats': ['read', things.onDevice()],
  'GET /devices/:id/log': ['read', things.onDevice()],
  'GET /devices/:id/quarantine': ['read', things.onDevice()],
  'GET /devices/:id/groups': ['read', things.onDevice()],
  'GET /devices/:id/commands': ['read', things.onDevice()],
  'POST /devices/:id/commands': ['act', things.onDevice({ name: 'x' })],
  'GET /devices/:id/commands/timeline': ['read', things.onDevice()],
  'GET /devices/:id/schedules': ['read', things.onDevice()],
  'POST /devices/:id/schedules': ['act', things.onDevice({ name: 'x', cron: '0 18 * * *' })],
  'GET /schedules/:id': ['read', things.onSchedule()],
  'PATCH /schedules/:id': ['act', things.onSchedule({ status: 'paused' })],
  'DELETE /schedules/:id': ['act', things.onSchedule()],
  'GET /commands/:id': ['read', things.onCommand],
  'GET /commands/:id/timeline': ['read', things.onCommand],
  'DELETE /commands/:id': ['act', things.onCommand],
  'GET /homes/:id/telemetry/latest': ['read', things.home()],
  'GET /telemetry': ['read', things.asDevice()],
  'GET /telemetry/aggregated': ['read', things.asDevice(`&${aggregated.slice(1)}`)],
  'GET /telemetry/:id': ['read', things.onDevice()],
  'GET /telemetry/:id/latest': ['read', things.onDevice()],
  'GET /telemetry/:id/aggregated': ['read', things.onDevice(undefined, aggregated)],
  'GET /telemetry/:id/export': ['read', things.onDevice()],
  'POST /telemetry/:id/import': ['own', things.asFile],
  'DELETE /telemetry/:id': ['own', things.onDevice(undefined, range)],
  'GET /devices/status': ['device', things.plain()],
  'GET /devices/config': ['device', things.plain()],
  'PUT /devices/config': ['device', things.plain({ a: 1 })],
  'POST /devices/heartbeat': ['device', things.plain({})],
  'POST /telemetry': ['device', things.plain({ a: 1 })],
  'GET /groups': ['list', things.plain()],
  'POST /groups': ['person', things.plain({ name: 'g' })],
  'GET /groups/:id': ['read', things.onGroup()],
  'PUT /groups/:id': ['maker', things.onGroup({ name: 'g' })],
  'DELETE /groups/:id': ['maker', async () => ({ path: { id: await things.newGroup() } })],
  'POST /groups/:id/devices/:device_id': ['maker', things.inGroup],
  'DELETE /groups/:id/devices/:device_id': ['maker', things.inGroup],
  'GET /groups/:id/schedules': ['read', things.onGroup()],
  'POST /groups/:id/schedules': ['act', things.onGroup({ name: 'x', cron: '0 18 * * *' })],
  'POST /groups/:id/commands': ['act', things.onGroup({ name: 'x' })],
  'GET /groups/:id/commands/:batch_id': [
    'read',
    async () => ({ path: { id: await things.newGroup(), batch_id: newSortableId() } }),
  ],
  'GET /tokens': ['admin', things.plain()],
  'POST /tokens': ['admin', things.plain({ name: 'x' })],
  'DELETE /tokens/:id': ['admin', things.onToken],
  'GET /ops/quarantine': ['staff', things.plain()],
  'GET /ops/quarantine/:id': ['staff', things.onQuarantine],
  'POST /ops/quarantine/:id/replay': ['staff', things.onQuarantine],
  'GET /ops/overview': ['staff', things.plain()],
  'GET /ops/homes': ['staff', things.plain()],
  'GET /ops/audit': ['staff', things.plain()],
  'GET /ops/audit/verify': ['staff', things.plain()],
  'GET /admin/stats': ['admin', things.plain()],
  'POST /admin/signing-keys': ['admin', things.plain({})],
}

beforeAll(async () => {
  hub = await startApi()
  const { db } = hub.store
  for (const id of ['mine', 'other']) await createHome(db, { id, name: id })
  const password_hash = await hashPassword(password)
  const user = async (username: string, role: 'user' | 'staff' | 'admin') => {
    const made = await createUser(db, { email: `${username}@example.org`, username, role, password_hash })
    const { access_token } = await logIn(db, hub.signing_keys, { ...made, token_version: 0 })
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

test('what routes have in the place of a device’s id is reserved', () => {
  const words = routes().flatMap(route => /^\S+ \/(?:devices|telemetry)\/([a-z-]+)/.exec(route)?.slice(1) ?? [])
  expect([...reserved]).toEqual([...new Set(words)].sort())
})

test.each(Object.entries(table))('%s', async (route, [right, make]) => {
  const [method = '', url = ''] = route.split(' ')
  const prefix = hub.api.declared.some(one => one.url === `/api/v1${url}`) ? '/api/v1' : ''
  const expected = rights[right].trim().split(/ +/)
  const seen: string[] = []
  for (const asker of askers) {
    const { path = {}, query = '', body, raw, headers: own } = await make()
    const filled = url.replaceAll(/:(\w+)/g, (_, name: string) => path[name] ?? '')
    const headers = { ...own, ...credentials.get(asker) }
    const { status } = await hub.call(method, `${prefix}${filled}${query}`, {
      key: null,
      headers,
      ...(raw && { raw }),
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
