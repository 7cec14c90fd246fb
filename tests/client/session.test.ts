import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Session, type SessionStorage } from '../../src/client/session.js'
import { linkToken } from '../../src/people/sessions.js'
import { firstAdministrator } from '../../src/people/users.js'
import { admin, startHub, type TestHub } from '../helper.js'
import { newPerson } from '../people/person.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

/** A place that several sessions share, one at a time, as the tabs of a browser do. */
function place(): SessionStorage & { text: string | null } {
  let last: Promise<unknown> = Promise.resolve()
  return {
    text: null,
    read() {
      return this.text
    },
    write(text) {
      this.text = text
    },
    exclusive: run => {
      const done = last.then(run)
      last = done.catch(() => undefined)
      return done
    },
  }
}

const open = (storage: SessionStorage, changed?: (name: string | null) => void) =>
  new Session({ url: hub.http_url, storage, changed: person => changed?.(person?.username ?? null) })

/** As if the access token were about to end. */
function age(storage: { text: string | null }): string {
  storage.text = JSON.stringify({ ...JSON.parse(storage.text ?? ''), expires_at: Date.now() + 1000 })
  return refreshTokenIn(storage)
}

function refreshTokenIn({ text }: { text: string | null }): string {
  const { refresh_token }: { refresh_token: string } = JSON.parse(text ?? '')
  return refresh_token
}

describe('a session', () => {
  test('is begun with a password, lasts beyond the program, and is ended', async () => {
    const storage = place()
    const changes: (string | null)[] = []
    const session = open(storage, name => changes.push(name))
    await expect(session.signIn(admin.email, 'wrong password')).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(session.call('GET /users/me')).rejects.toMatchObject({ code: 'unauthorized' })
    await session.signIn(admin.email, admin.password)
    const { user } = await open(storage).call('GET /users/me')
    expect(user.email).toBe(admin.email)
    await session.signOut()
    expect(storage.text).toBeNull()
    expect(changes).toEqual([user.username, null])
  })

  test('is begun with the token of a link, which is good once', async () => {
    const { db } = hub.hub.store
    const token = await linkToken(db, (await firstAdministrator(db)).id)
    expect((await open(place()).follow(token)).email).toBe(admin.email)
    await expect(open(place()).follow(token)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('exchanges a token that ends, once for all who call at the same time, in all who share the place', async () => {
    const storage = place()
    await open(storage).signIn(admin.email, admin.password)
    const old = age(storage)
    const sessions = [open(storage), open(storage), open(storage)]
    const tokens = await Promise.all(
      [...sessions, ...sessions].map(async one => (await one.credentials()).access_token),
    )
    expect(new Set(tokens).size).toBe(1)
    expect(refreshTokenIn(storage)).not.toBe(old)
    for (const session of sessions) await session.call('GET /users/me')
  })

  test('exchanges a token that the hub does not take, and goes on', async () => {
    const storage = place()
    await open(storage).signIn(admin.email, admin.password)
    storage.text = JSON.stringify({ ...JSON.parse(storage.text ?? ''), access_token: 'spoilt' })
    await expect(open(storage).call('GET /users/me')).resolves.toMatchObject({ user: { email: admin.email } })
  })

  test('that was ended elsewhere is over, and what failed for want of a network is not', async () => {
    const storage = place()
    const changes: (string | null)[] = []
    await open(storage).signIn(admin.email, admin.password)
    age(storage)
    const nobody = new Session({ url: 'http://127.0.0.1:1', storage })
    await expect(nobody.credentials()).rejects.toThrow(TypeError)
    expect(nobody.person?.email).toBe(admin.email)
    const here = open(storage, name => changes.push(name))
    await hub.client.call('POST /auth/logout', { body: { refresh_token: refreshTokenIn(storage) } })
    await expect(here.call('GET /users/me')).rejects.toMatchObject({ code: 'unauthorized' })
    expect([here.person, storage.text, changes]).toEqual([null, null, [null]])
  })

  test('outlives an answer that was lost on its way: the same token is exchanged again', async () => {
    const storage = place()
    await open(storage).signIn(admin.email, admin.password)
    const old = age(storage)
    const cutter = await loser()
    const session = new Session({ url: cutter.url, storage })
    await expect(session.credentials()).rejects.toThrow(TypeError)
    expect([cutter.lost(), refreshTokenIn(storage)]).toEqual([1, old])
    await cutter.close()
    await open(storage).call('GET /users/me')
    expect(refreshTokenIn(storage)).not.toBe(old)
    age(storage)
    await open(storage).call('GET /users/me')
  })

  test('lives in two tabs that exchange one token at the same time, where there are no locks', async () => {
    const exchanged = new Set<string>()
    const storage: ReturnType<typeof place> = {
      ...place(),
      write(text) {
        this.text = text
        exchanged.add(refreshTokenIn(this))
      },
      exclusive: run => run(),
    }
    await open(storage).signIn(admin.email, admin.password)
    age(storage)
    const tabs = [open(storage), open(storage)]
    await Promise.all(tabs.map(tab => tab.credentials()))
    expect(exchanged.size).toBe(3)
    for (const tab of tabs) await tab.call('GET /users/me')
    age(storage)
    for (const tab of tabs) {
      tab.reread()
      await tab.call('GET /users/me')
    }
  })

  test('tells of a role that has become another', async () => {
    const { id, username, password } = await newPerson(hub, 'staff')
    const storage = place()
    const changes: (string | undefined)[] = []
    const session = new Session({ url: hub.http_url, storage, changed: person => changes.push(person?.role) })
    await session.signIn(username, password)
    await hub.client.call('PATCH /users/{id}', { params: { id }, body: { role: 'user' } })
    await session.call('GET /users/me')
    age(storage)
    session.reread()
    await session.call('GET /users/me')
    expect(changes).toEqual(['staff', 'user', 'user'])
  })

  test('that is ended while its token is exchanged stays so', async () => {
    const storage = place()
    await open(storage).signIn(admin.email, admin.password)
    age(storage)
    const held = await holder(() => open(storage).signOut())
    const session = new Session({ url: held.url, storage })
    await expect(session.credentials()).rejects.toMatchObject({ code: 'unauthorized' })
    expect(storage.text).toBeNull()
    await held.close()
  })

  test('gives way to that of somebody else who signs in while its token is exchanged', async () => {
    const other = await newPerson(hub)
    for (const isTaken of [true, false]) {
      const storage = place()
      await open(storage).signIn(admin.email, admin.password)
      age(storage)
      if (!isTaken) storage.text = (storage.text ?? '').replace(refreshTokenIn(storage), 'spoilt')
      const held = await holder(async () => {
        await open(storage).signOut()
        await open(storage).signIn(other.username, other.password)
      })
      const session = new Session({ url: held.url, storage })
      await expect(session.credentials()).rejects.toMatchObject({ code: 'unauthorized' })
      expect((await open(storage).call('GET /users/me')).user.username).toBe(other.username)
      await held.close()
    }
  })
})

/** Passes requests on to the hub; what becomes of the answers is for another to say. */
async function between(answered: (answer: Response, response: ServerResponse) => Promise<void>) {
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/' } = request
    const chunks = await request.toArray()
    const headers = { 'content-type': 'application/json' }
    await answered(await fetch(`${hub.http_url}${url}`, { method, headers, body: Buffer.concat(chunks) }), response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise(resolve => server.close(resolve))
  return { url: `http://127.0.0.1:${port}`, close }
}

/** Cuts the connection when the hub has answered. */
async function loser() {
  let lost = 0
  const cutter = await between(async ({ ok }, response) => {
    if (ok) lost++
    response.destroy()
  })
  return { ...cutter, lost: () => lost }
}

/** Holds answers back until `meanwhile` is done. */
const holder = (meanwhile: () => Promise<void>) =>
  between(async (answer, response) => {
    await meanwhile()
    response.writeHead(answer.status, { 'content-type': 'application/json', connection: 'close' })
    response.end(await answer.text())
  })
