import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { logIn as logInAs } from '../../src/people/sessions.js'
import { openSigningKeys } from '../../src/people/signing-keys.js'
import { checkPassword } from '../../src/people/users.js'
import { admin, startHub, type TestHub } from '../helper.js'
import { newPerson, type Person } from './person.js'

let hub: TestHub
let anybody: HearthClient
beforeAll(async () => {
  hub = await startHub()
  anybody = new HearthClient({ url: hub.http_url })
})
afterAll(() => hub.close())

const refusedWith = (code: string) => expect.objectContaining({ code })
const me = (access_token: string) => new HearthClient({ url: hub.http_url, access_token }).get('/users/me')
const logIn = ({ username, password }: { username: string; password: string }) =>
  anybody.post<{ access_token: string; refresh_token: string }>('/auth/login', { username, password })
/** A person’s MQTT connection, and a promise that it was closed. */
async function listening({ access_token }: { access_token: string }) {
  const client = await mqtt.connectAsync(hub.mqtt_url, {
    clientId: 'user-x',
    username: 'x',
    password: access_token,
    reconnectPeriod: 0,
  })
  return { client, closed: new Promise(resolve => client.once('close', () => resolve('closed'))) }
}

describe('an account', () => {
  test('is made by whoever registers, who then sees no home but their own', async () => {
    const names = { username: 'newcomer', email: 'newcomer@example.org', password: 'a long password' }
    const { access_token } = await anybody.post<{ access_token: string }>('/auth/register', names)
    const client = new HearthClient({ url: hub.http_url, access_token })
    await hub.device('not-theirs')
    expect(await client.get('/devices')).toMatchObject({ devices: [] })
    expect(await client.get('/homes')).toMatchObject({ homes: [] })
    await client.post('/homes', { id: 'theirs', name: 'Theirs' })
    expect(await client.post('/devices', { name: 'mine' })).toMatchObject({ device: { home_id: 'theirs' } })
    expect(await client.get('/assignments')).toMatchObject({ assignments: [{ home: { id: 'theirs' }, role: 'owner' }] })
    for (const again of [
      names,
      { ...names, email: 'other@example.org' },
      { ...names, username: 'NEWCOMER', email: 'x@example.org' },
    ])
      await expect(anybody.post('/auth/register', again)).rejects.toEqual(refusedWith('conflict'))
  })

  test('keeps its password as argon2id with 19 MiB and two passes, each with a salt of its own', async () => {
    for (let i = 0; i < 2; i++) await newPerson(hub)
    const rows = await hub.hub.store.db.selectFrom('users').select('password_hash').execute()
    for (const { password_hash } of rows) expect(password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(new Set(rows.map(({ password_hash }) => password_hash)).size).toBe(rows.length)
  })

  test('is not made where registration is switched off', async () => {
    const closed = await startHub({ HEARTH_REGISTRATION: 'off' })
    const body = { username: 'newcomer', email: 'newcomer@example.org', password: 'a long password' }
    const post = new HearthClient({ url: closed.http_url }).post('/auth/register', body)
    await expect(post).rejects.toEqual(refusedWith('forbidden'))
    await closed.close()
  })

  test.each<object>([
    { password: 'short' },
    { email: 'no address' },
    { username: 'a@b' },
    { username: 'x' },
    { role: 'admin' },
    { home_id: 'home' },
    { constructor: { prototype: {} } },
  ])('is not made with %j', async change => {
    const body = { username: 'fine', email: 'fine@example.org', password: 'a long password', ...change }
    await expect(anybody.post('/auth/register', body)).rejects.toEqual(refusedWith('invalid_request'))
  })
})

describe('a session ends, over HTTP and MQTT', () => {
  const ended = async (person: Person, act: () => Promise<unknown>) => {
    const { closed } = await listening(person)
    await act()
    expect(await closed).toBe('closed')
    await expect(me(person.access_token)).rejects.toEqual(refusedWith('unauthorized'))
    await expect(anybody.post('/auth/refresh', { refresh_token: person.refresh_token })).rejects.toEqual(
      refusedWith('unauthorized'),
    )
  }

  test('with logout, and no other session with it', async () => {
    const person = await newPerson(hub)
    const other = await logIn(person)
    await ended(person, () => anybody.post('/auth/logout', { refresh_token: person.refresh_token }))
    await me(other.access_token)
  })

  test('with a deactivation, until the person is let in again', async () => {
    const person = await newPerson(hub)
    await ended(person, () => hub.client.patch(`/users/${person.id}/deactivate`, {}))
    await expect(logIn(person)).rejects.toEqual(refusedWith('unauthorized'))
    await hub.client.patch(`/users/${person.id}/activate`, {})
    await me((await logIn(person)).access_token)
  })

  test('with the account', async () => {
    const person = await newPerson(hub)
    await ended(person, () => hub.client.delete(`/users/${person.id}`))
    await expect(hub.client.get(`/users/${person.id}`)).rejects.toEqual(refusedWith('not_found'))
  })

  test('with a password that an administrator sets', async () => {
    const person = await newPerson(hub)
    await ended(person, () => hub.client.patch(`/users/${person.id}`, { password: 'another password' }))
    await logIn({ ...person, password: 'another password' })
  })

  test('for its access tokens when the role changes; refreshing brings the new rights', async () => {
    const person = await newPerson(hub)
    const { closed } = await listening(person)
    await hub.client.patch(`/users/${person.id}`, { role: 'staff' })
    expect(await closed).toBe('closed')
    await expect(me(person.access_token)).rejects.toEqual(refusedWith('unauthorized'))
    const { access_token } = await anybody.post<Person>('/auth/refresh', { refresh_token: person.refresh_token })
    await new HearthClient({ url: hub.http_url, access_token }).get('/ops/overview')
  })
})

test('a person changes their password with the one they have, and their other sessions end', async () => {
  const person = await newPerson(hub)
  const other = await logIn(person)
  const change = (body: object) => person.client.patch('/users/me', body)
  await expect(change({ current_password: 'wrong', password: 'a new password' })).rejects.toEqual(
    refusedWith('forbidden'),
  )
  await change({ current_password: person.password, password: 'a new password' })
  await expect(logIn(person)).rejects.toEqual(refusedWith('unauthorized'))
  await expect(anybody.post('/auth/refresh', { refresh_token: other.refresh_token })).rejects.toEqual(
    refusedWith('unauthorized'),
  )
  await anybody.post('/auth/refresh', { refresh_token: person.refresh_token })
})

test('a login that was under way when the password changed comes to nothing', async () => {
  const person = await newPerson(hub)
  const { db } = hub.hub.store
  const known = await checkPassword(db, person.username, person.password)
  await hub.client.patch(`/users/${person.id}`, { password: 'quite another one' })
  await expect(logInAs(db, await openSigningKeys(hub.data_dir), known)).rejects.toEqual(refusedWith('unauthorized'))
})

test('a session that is refreshed while it ends has ended', async () => {
  for (let round = 0; round < 20; round++) {
    const person = await newPerson(hub)
    const { refresh_token } = person
    const [refreshed] = await Promise.allSettled([
      anybody.post<Person>('/auth/refresh', { refresh_token }),
      anybody.post('/auth/logout', { refresh_token }),
    ])
    if (refreshed.status === 'rejected') continue
    const { access_token, refresh_token: next } = refreshed.value
    await expect(me(access_token)).rejects.toEqual(refusedWith('unauthorized'))
    await expect(anybody.post('/auth/refresh', { refresh_token: next })).rejects.toEqual(refusedWith('unauthorized'))
  }
})

test('the last administrator cannot be removed, demoted or deactivated, also not by two at once', async () => {
  const { users } = await hub.client.get<{ users: { id: string; email: string }[] }>('/users?role=admin')
  const [only] = users.filter(({ email }) => email === admin.email)
  const path = `/users/${only?.id}`
  await expect(hub.client.delete(path)).rejects.toEqual(refusedWith('conflict'))
  await expect(hub.client.patch(path, { role: 'user' })).rejects.toEqual(refusedWith('conflict'))
  await expect(hub.client.patch(`${path}/deactivate`, {})).rejects.toEqual(refusedWith('conflict'))
  const second = await newPerson(hub, 'admin')
  const demoted = await Promise.allSettled([
    second.client.patch(path, { role: 'user' }),
    hub.client.patch(`/users/${second.id}`, { role: 'user' }),
  ])
  expect(demoted.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const left = await hub.hub.store.db.selectFrom('users').select('id').where('role', '=', 'admin').execute()
  expect(left).toHaveLength(1)
  await hub.hub.store.db
    .updateTable('users')
    .set({ role: 'admin' })
    .where('id', '=', only?.id ?? '')
    .execute()
})
