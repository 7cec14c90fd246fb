import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson } from './person.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
  for (const id of ['old', 'new']) await hub.client.post('/homes', { id, name: id })
})
afterAll(() => hub.close())

interface Made {
  readonly token: { readonly id: string }
  readonly secret: string
}
const program = () =>
  hub.client.post<Made>('/tokens', { name: 'x', publish: ['homes/#'], subscribe: ['homes/#'], api: 'none' })

const count = async (table: 'mqtt_sessions' | 'mqtt_outgoing' | 'mqtt_retained') => {
  const rows = await hub.hub.store.db.selectFrom(table).selectAll().execute()
  return rows.length
}
const metric = async (name: string) => {
  const text = await (await fetch(`${hub.http_url}/metrics`)).text()
  return Number(new RegExp(`^hearth_broker_${name} (\\d+)$`, 'm').exec(text)?.[1])
}

/** A session with something in its queue, whose client is away. */
async function away(id: string, password: string, filter: string): Promise<void> {
  const client = await hub.connect(id, password, { clean: false })
  await client.subscribeAsync(filter, { qos: 1 })
  await client.endAsync()
}

const waiting = async (topic: string) => {
  const query = hub.hub.store.db.selectFrom('mqtt_outgoing').select('seq').where('topic', '=', topic)
  return (await query.execute()).length
}

/** Says something that so many sessions keep. */
async function said(topic: string, times = 1): Promise<void> {
  const before = await waiting(topic)
  const { secret } = await program()
  const writer = await hub.connect('writer', secret)
  await writer.publishAsync(topic, 'x', { qos: 1 })
  await writer.endAsync()
  expect(await waiting(topic)).toBe(before + times)
}

/** Nothing of any session is left, in the store and in the broker. */
async function nothingLeft(): Promise<void> {
  expect(await count('mqtt_sessions')).toBe(0)
  expect(await count('mqtt_outgoing')).toBe(0)
  await until(async () => (await metric('sessions')) === 0)
}

test('a session goes with its device', async () => {
  const key = await hub.device('lamp', { home_id: 'old' })
  await away('lamp', key, 'devices/lamp/#')
  await said('homes/old/devices/lamp/scene')
  await hub.client.delete('/devices/lamp')
  await nothingLeft()
})

test('a session goes with its person, who is deleted or deactivated, and stays when their password changes', async () => {
  for (const end of [
    (id: string) => hub.client.delete(`/users/${id}`),
    (id: string) => hub.client.patch(`/users/${id}/deactivate`, {}),
  ]) {
    const ann = await newPerson(hub)
    await hub.client.put(`/homes/old/members/${ann.id}`, { role: 'member' })
    await away('user-phone', ann.access_token, 'homes/old/#')
    await said('homes/old/scene')
    await hub.client.patch(`/users/${ann.id}`, { password: 'another correct horse' })
    expect(await count('mqtt_sessions')).toBe(1)
    await end(ann.id)
    await nothingLeft()
  }
})

test('a session goes with its service token, which is revoked', async () => {
  const { token, secret } = await program()
  await away('reader', secret, 'homes/#')
  await said('homes/old/scene')
  await hub.client.delete(`/tokens/${token.id}`)
  await nothingLeft()
})

test('what a program has retained below a device’s prefix goes with the device, and with its move', async () => {
  const { secret } = await program()
  const writer = await hub.connect('writer', secret)
  for (const gone of [
    (id: string) => hub.client.delete(`/devices/${id}`),
    (id: string) => hub.client.patch(`/devices/${id}`, { home_id: 'new' }),
  ]) {
    await hub.device('fan', { home_id: 'old' })
    const retain = (topic: string) => writer.publishAsync(topic, 'x', { qos: 1, retain: true })
    await retain('homes/old/devices/fan/label')
    await retain('homes/old/devices/fan0/label')
    const live = await hub.listen('homes/old/devices/fan/#')
    await gone('fan')
    await live.next(({ topic, payload }) => topic === 'homes/old/devices/fan/label' && payload === '')
    const rows = await hub.hub.store.db.selectFrom('mqtt_retained').select('topic').execute()
    expect(rows).toEqual([{ topic: 'homes/old/devices/fan0/label' }])
    const heard = await hub.listen('homes/old/devices/+/label')
    await heard.next(({ topic }) => topic === 'homes/old/devices/fan0/label')
    expect(heard.messages).toHaveLength(1)
  }
})

test('a move rewrites no subscription: what waited is dropped, and the session hears its new place, also after a restart', async () => {
  const key = await hub.device('clock', { home_id: 'old' })
  await away('clock', key, 'devices/clock/#')
  await said('homes/old/devices/clock/scene')
  await hub.client.patch('/devices/clock', { home_id: 'new' })
  expect(await waiting('homes/old/devices/clock/scene')).toBe(0)
  await said('homes/new/devices/clock/scene')
  await said('homes/old/devices/clock/scene', 0)
  hub = await hub.restart()
  await said('homes/new/devices/clock/again')
  await said('homes/old/devices/clock/again', 0)
  const rows = await hub.hub.store.db.selectFrom('mqtt_subscriptions').selectAll().execute()
  expect(rows.map(({ filter }) => filter)).toEqual(['devices/clock/#'])
  const got = comeBack('clock', key)
  await until(() => got.topics.includes('devices/clock/again'))
  expect(got.topics.filter(topic => !topic.endsWith('/presence'))).toEqual([
    'devices/clock/scene',
    'devices/clock/again',
  ])
  await got.client.endAsync()
})

test('a move that was interrupted between its commit and the broker is whole at the next start', async () => {
  const key = await hub.device('radio', { home_id: 'old' })
  await away('radio', key, 'devices/radio/scene')
  await said('homes/old/devices/radio/scene')
  // What is committed, and nothing of what follows it
  await hub.hub.store.db.updateTable('devices').set({ home_id: 'new' }).where('id', '=', 'radio').execute()
  expect(await waiting('homes/old/devices/radio/scene')).toBe(0)
  hub = await hub.restart()
  await said('homes/new/devices/radio/scene')
  await said('homes/old/devices/radio/scene', 0)
})

/** Connects before it is known what is listened for: what waits comes at once. */
function comeBack(id: string, password: string): { client: MqttClient; topics: string[] } {
  const topics: string[] = []
  const client = mqtt.connect(hub.mqtt_url, { clientId: id, username: id, password, clean: false, reconnectPeriod: 0 })
  client.on('message', topic => topics.push(topic))
  return { client, topics }
}
