import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { newId } from '../../src/ids.js'
import { startHub, type TestHub } from '../helper.js'
import { newPerson, type Person } from './person.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const refusal = expect.objectContaining({ code: 'unauthorized' })

interface Place {
  readonly client: HearthClient
  readonly closed: Promise<string>
  refresh(): Promise<Response>
}

/** Signs somebody in with a program of this name, and has them listen. */
async function signIn({ username, password }: Person, user_agent: string): Promise<Place> {
  const post = (path: string, body: object) =>
    fetch(`${hub.http_url}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': user_agent },
      body: JSON.stringify(body),
    })
  const answer = await post('login', { username, password })
  const { access_token, refresh_token } = (await answer.json()) as Person
  const options = { clientId: `user-${newId()}`, username: 'x', password: access_token, reconnectPeriod: 0 }
  const listening = await mqtt.connectAsync(hub.mqtt_url, options)
  return {
    client: new HearthClient({ url: hub.http_url, access_token }),
    closed: new Promise(resolve => listening.once('close', () => resolve('closed'))),
    refresh: () => post('refresh', { refresh_token }),
  }
}

const list = async ({ client }: Pick<Place, 'client'>) => (await client.call('GET /users/me/sessions')).sessions
const agentsOf = async (place: Pick<Place, 'client'>) => (await list(place)).map(({ user_agent }) => user_agent)

async function isOver(place: Place): Promise<void> {
  expect(await place.closed).toBe('closed')
  await expect(place.client.call('GET /users/me')).rejects.toEqual(refusal)
  expect((await place.refresh()).status).toBe(401)
}

describe('somebody who is signed in at several places', () => {
  test('sees them, the newest first, with which one this is, and nobody else’s', async () => {
    const person = await newPerson(hub)
    await newPerson(hub)
    const before = Date.now()
    await signIn(person, 'phone')
    const laptop = await signIn(person, `laptop ${'x'.repeat(500)}`)
    const [newest, second, ...rest] = await list(laptop)
    expect([newest?.user_agent?.slice(0, 7), newest?.user_agent?.length, newest?.current]).toEqual([
      'laptop ',
      256,
      true,
    ])
    expect(second).toMatchObject({ user_agent: 'phone', current: false, address: '127.0.0.1' })
    expect(rest).toHaveLength(1)
    expect(newest?.created_at).toBeGreaterThanOrEqual(before)
    const page = await laptop.client.call('GET /users/me/sessions', { query: { limit: 2 } })
    const next = await laptop.client.call('GET /users/me/sessions', { query: { cursor: page.next_cursor ?? '' } })
    expect([...page.sessions, ...next.sessions]).toEqual([newest, second, ...rest])
  })

  test('sees when and by what each was last used', async () => {
    const person = await newPerson(hub)
    const phone = await signIn(person, 'phone')
    const [before = null] = await list(phone)
    const former = { last_used_at: 1, user_agent: 'former' }
    await hub.hub.store.db.updateTable('sessions').set(former).where('user_id', '=', person.id).execute()
    expect(await list(phone)).toEqual([])
    expect((await phone.refresh()).status).toBe(200)
    const [after, ...rest] = await list(phone)
    expect(rest).toEqual([])
    expect(after).toEqual({ ...before, last_used_at: expect.any(Number), expires_at: expect.any(Number) })
    expect(after?.last_used_at).toBeGreaterThanOrEqual(before?.last_used_at ?? Number.NaN)
  })

  test('ends one, which is refused from then on and cut off, and the others go on', async () => {
    const person = await newPerson(hub)
    const [phone, laptop] = [await signIn(person, 'phone'), await signIn(person, 'laptop')]
    const [, theirs] = await list(laptop)
    await laptop.client.call('DELETE /users/me/sessions/{id}', { params: { id: theirs?.id ?? '' } })
    await isOver(phone)
    expect(await agentsOf(laptop)).not.toContain('phone')
    expect((await laptop.refresh()).status).toBe(200)
    const query = { action: 'session.end', actor_id: person.id }
    const { audit } = await hub.client.call('GET /ops/audit', { query })
    expect(audit).toMatchObject([{ target: `user/${person.id}`, detail: { session_id: theirs?.id } }])
  })

  test('ends all others at once', async () => {
    const person = await newPerson(hub)
    const places = [await signIn(person, 'phone'), await signIn(person, 'tablet')]
    const laptop = await signIn(person, 'laptop')
    expect(await laptop.client.call('DELETE /users/me/sessions')).toEqual({ ended: 3 })
    for (const place of places) await isOver(place)
    expect(await agentsOf(laptop)).toEqual(['laptop'])
    expect((await laptop.refresh()).status).toBe(200)
  })

  test('ends nobody else’s', async () => {
    const [ann, ben] = [await newPerson(hub), await newPerson(hub)]
    const [theirs] = await list(ben)
    const end = ann.client.call('DELETE /users/me/sessions/{id}', { params: { id: theirs?.id ?? '' } })
    await expect(end).rejects.toMatchObject({ code: 'not_found' })
    await ann.client.call('DELETE /users/me/sessions')
    expect(await list(ben)).toHaveLength(1)
  })
})
