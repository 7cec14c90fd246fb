import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { startHub, type TestHub } from '../helper.js'
import { newPerson, type Person } from './person.js'

let hub: TestHub
let anybody: HearthClient
beforeAll(async () => {
  hub = await startHub()
  anybody = new HearthClient({ url: hub.http_url })
})
afterAll(() => hub.close())

type Tokens = Pick<Person, 'access_token' | 'refresh_token'>

const refusal = expect.objectContaining({ code: 'unauthorized' })
const me = ({ access_token }: Tokens) => new HearthClient({ url: hub.http_url, access_token }).get('/users/me')
const refresh = ({ refresh_token }: Tokens) => anybody.post<Tokens>('/auth/refresh', { refresh_token })

/** As if the tokens of somebody had been exchanged so much earlier. */
const age = ({ id }: Person, ms: number) =>
  hub.hub.store.db
    .updateTable('sessions')
    .set(eb => ({ last_used_at: eb('last_used_at', '-', ms) }))
    .where('user_id', '=', id)
    .execute()

async function aged(next: Tokens, person: Person): Promise<Tokens> {
  await age(person, 30_001)
  return next
}

describe('a refresh token that is spent', () => {
  test.each([
    ['when the one that it was exchanged for is spent too', refresh],
    ['after half a minute', aged],
  ])('ends its session when it is shown %s: whoever has the newest is out', async (_, later) => {
    const person = await newPerson(hub)
    const newest = await later(await refresh(person), person)
    const options = { clientId: 'user-x', username: 'x', password: newest.access_token, reconnectPeriod: 0 }
    const client = await mqtt.connectAsync(hub.mqtt_url, options)
    const closed = new Promise(resolve => client.once('close', () => resolve('closed')))
    await me(newest)
    await expect(refresh(person)).rejects.toEqual(refusal)
    expect(await closed).toBe('closed')
    await expect(me(newest)).rejects.toEqual(refusal)
    await expect(refresh(newest)).rejects.toEqual(refusal)
    const found = await hub.client.call('GET /ops/audit', {
      query: { action: 'session.refresh', target: `user/${person.id}` },
    })
    expect(found.audit).toMatchObject([{ detail: { reused: true, session: 'ended' } }])
  })

  test('is answered again for half a minute, as its answer may have been lost, and no longer for being asked', async () => {
    const person = await newPerson(hub)
    await refresh(person)
    await age(person, 20_000)
    await me(await refresh(person))
    await age(person, 10_001)
    await expect(refresh(person)).rejects.toEqual(refusal)
  })

  test('finds out whoever took what was answered twice, as soon as both go on', async () => {
    const person = await newPerson(hub)
    const [theirs, stolen] = [await refresh(person), await refresh(person)]
    const next = await refresh(theirs)
    await me(next)
    await age(person, 30_001)
    await expect(refresh(stolen)).rejects.toEqual(refusal)
    await expect(me(next)).rejects.toEqual(refusal)
  })

  test('is answered to two tabs at once, which both live and go on at once', async () => {
    const person = await newPerson(hub)
    let tabs: Tokens[] = [person, person]
    for (let round = 0; round < 3; round++) {
      tabs = await Promise.all(tabs.map(refresh))
      for (const tab of tabs) await me(tab)
    }
  })
})
