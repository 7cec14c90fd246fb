import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KyselyPlugin } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Cache } from '../../src/cache.js'
import { createDevice, updateDevice } from '../../src/devices/devices.js'
import { KeyRing } from '../../src/devices/key-ring.js'
import { createKey, revokeKey } from '../../src/devices/keys.js'
import { ensureDefaultHome } from '../../src/homes/homes.js'
import { setMember } from '../../src/homes/members.js'
import { Directory } from '../../src/people/directory.js'
import { createServiceToken } from '../../src/people/service-tokens.js'
import { logIn, logOut } from '../../src/people/sessions.js'
import { openSigningKeys, type SigningKeys } from '../../src/people/signing-keys.js'
import { createUser, type Known, updateUser } from '../../src/people/users.js'
import type { Db } from '../../src/store/store.js'
import { Uses } from '../../src/uses.js'
import { openTestStore, type TestStore } from '../store/harness.js'

let opened: TestStore
let folder: string
let keys: SigningKeys
let user: Known
/** The store’s database, whose queries are counted. */
let db: Db
let queries = 0

beforeAll(async () => {
  opened = await openTestStore()
  folder = await mkdtemp(join(tmpdir(), 'hearth-directory-'))
  keys = await openSigningKeys(folder)
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      queries++
      return node
    },
    transformResult: async ({ result }) => result,
  }
  db = opened.db.withPlugin(counting)
  await ensureDefaultHome(opened.db)
  const ann = { email: 'a@example.org', username: 'ann', role: 'user', password_hash: 'none' } as const
  user = { ...(await createUser(opened.db, ann)), token_version: 0 }
})
afterAll(async () => {
  await opened.close()
  await rm(folder, { recursive: true })
})

describe('authorising costs no query', () => {
  beforeEach(() => {
    queries = 0
  })

  test('of a person, until something about them changes, and then it is as it is now', async () => {
    const directory = new Directory(db, keys, new Uses())
    const { access_token, refresh_token } = await logIn(opened.db, keys, user)
    const first = await directory.authenticatePerson(access_token)
    expect(first.homes.size).toBe(0)
    const asked = queries
    await Promise.all(Array.from({ length: 500 }, () => directory.authenticatePerson(access_token)))
    expect(queries).toBe(asked)
    await setMember(opened.db, 'home', user.id, 'technician')
    directory.forgetPerson(user.id)
    expect((await directory.authenticatePerson(access_token)).homes).toEqual(new Map([['home', 'technician']]))
    const ended = await logOut(opened.db, refresh_token)
    directory.forgetSession(ended?.session_id ?? '')
    await expect(directory.authenticatePerson(access_token)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('of a person whose role has changed: the token that says otherwise is not good any more', async () => {
    const directory = new Directory(db, keys, new Uses())
    const { access_token } = await logIn(opened.db, keys, user)
    await directory.authenticatePerson(access_token)
    await updateUser(opened.db, user.id, { role: 'staff' })
    directory.forgetPerson(user.id)
    await expect(directory.authenticatePerson(access_token)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('of a program', async () => {
    const directory = new Directory(db, keys, new Uses())
    const wanted = { name: 'x', publish: [], subscribe: ['#'], api: 'read', expires_at: null, created_by: 'x' } as const
    const { secret } = await createServiceToken(opened.db, { ...wanted, publish: [], subscribe: ['#'] })
    await directory.authenticateService(secret)
    const asked = queries
    await Promise.all(Array.from({ length: 500 }, () => directory.authenticateService(secret)))
    expect(queries).toBe(asked)
  })

  test('of a device, until its key is revoked or it is made inactive', async () => {
    const ring = new KeyRing(db, new Uses())
    await createDevice(opened.db, { id: 'd', name: 'd', type: 'x', home_id: 'home' })
    const [first, second] = [await createKey(opened.db, 'd'), await createKey(opened.db, 'd')]
    for (const { api_key } of [first, second]) await ring.authenticate(api_key)
    const asked = queries
    await Promise.all(Array.from({ length: 500 }, () => ring.authenticate(first.api_key)))
    expect(queries).toBe(asked)
    await revokeKey(opened.db, 'd', first.key.id)
    ring.forgetKey(first.key.id)
    await expect(ring.authenticate(first.api_key)).rejects.toMatchObject({ code: 'unauthorized' })
    await updateDevice(opened.db, 'd', { status: 'inactive' })
    ring.forgetDevice('d')
    await expect(ring.authenticate(second.api_key)).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe('what is kept', () => {
  test('is never older than the change that made it be forgotten, also for who asked before', async () => {
    const cache = new Cache<number>(10)
    let value = 1
    const answers: ((value: number) => void)[] = []
    const look = () => new Promise<number>(resolve => answers.push(resolve))
    const asked = cache.get('a', look)
    const before = value
    value = 2
    cache.forget('a')
    answers[0]?.(before)
    await expect.poll(() => answers.length).toBe(2)
    answers[1]?.(value)
    expect(await asked).toBe(2)
  })

  test('is bounded, and what failed is asked again', async () => {
    const cache = new Cache<number>(100)
    let looked = 0
    const get = (key: string) => cache.get(key, async () => ++looked)
    for (let i = 0; i < 300; i++) for (const key of ['often', `${i}`]) await get(key)
    expect(looked).toBe(301)
    await get('299')
    expect(looked).toBe(301)
    await get('0')
    expect(looked).toBe(302)
    const failing = () => cache.get('x', () => Promise.reject(new Error('no')))
    await expect(failing()).rejects.toThrow('no')
    expect(await cache.get('x', async () => 7)).toBe(7)
  })
})
