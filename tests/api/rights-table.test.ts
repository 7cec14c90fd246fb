import { afterAll, beforeAll, expect, test } from 'vitest'
import { reserved } from '../../src/devices/devices.js'
import { createHome } from '../../src/homes/homes.js'
import { setMember } from '../../src/homes/members.js'
import { hashPassword } from '../../src/people/passwords.js'
import { createServiceToken } from '../../src/people/service-tokens.js'
import { logIn } from '../../src/people/sessions.js'
import { createUser } from '../../src/people/users.js'
import { audioThingsOf } from './audio-things.js'
import { type Started, startApi } from './harness.js'
import { rights, rowsOf } from './rights-rows.js'
import { thingsOf } from './rights-things.js'

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

let hub: Started
const password = 'a long password'
const credentials = new Map<Asker, Record<string, string>>()

const things = thingsOf(() => hub)
const table = rowsOf(
  things,
  audioThingsOf(() => hub),
  password,
)

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
