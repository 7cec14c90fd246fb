import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson, type Person } from '../people/person.js'

let hub: TestHub
let sensor: MqttClient
beforeAll(async () => {
  hub = await startHub()
  await hub.client.post('/homes', { id: 'flat', name: 'Flat' })
  sensor = await hub.connect('sensor', await hub.device('sensor', { home_id: 'flat' }))
})
afterAll(() => hub.close())

const say = (value: number) => sensor.publishAsync('devices/sensor/telemetry', JSON.stringify({ value }), { qos: 1 })
const join = ({ id }: Person, role = 'member') => hub.client.put(`/homes/flat/members/${id}`, { role })
const leave = ({ id }: Person) => hub.client.delete(`/homes/flat/members/${id}`)
const connect = ({ access_token }: Person, options = {}) =>
  mqtt.connectAsync(hub.mqtt_url, {
    clientId: 'user-a',
    username: 'x',
    password: access_token,
    reconnectPeriod: 0,
    ...options,
  })

function gather(client: MqttClient): number[] {
  const values: number[] = []
  client.on('message', (topic, payload) => {
    if (topic.endsWith('/telemetry')) values.push(JSON.parse(payload.toString()).value)
  })
  return values
}

describe('somebody who loses a home', () => {
  test('hears nothing more of it within a second, and hears again when they are back, without connecting anew', async () => {
    const person = await newPerson(hub)
    await join(person)
    const client = await connect(person)
    const heard = gather(client)
    await client.subscribeAsync('homes/flat/#', { qos: 1 })
    await say(1)
    await until(() => heard.includes(1))
    await leave(person)
    const left = performance.now()
    await say(2)
    await expect(person.client.get('/devices/sensor')).rejects.toMatchObject({ code: 'not_found' })
    expect(performance.now() - left).toBeLessThan(1000)
    await join(person)
    await say(3)
    await until(() => heard.includes(3))
    expect(heard).toEqual([1, 3])
    await client.endAsync()
  })

  test('does not find it in the queue of a session that was kept for them', async () => {
    const person = await newPerson(hub)
    await join(person)
    const first = await connect(person, { clean: false })
    await first.subscribeAsync('homes/flat/devices/sensor/telemetry', { qos: 1 })
    await first.endAsync()
    await say(10)
    await leave(person)
    const again = await connect(person, { clean: false })
    const heard = gather(again)
    // Back in time for what comes next, so that there is something to wait for.
    await join(person)
    await again.subscribeAsync('homes/flat/devices/sensor/telemetry', { qos: 1 })
    await say(11)
    await until(() => heard.includes(11))
    await again.endAsync()
    expect(heard).toEqual([11])
  })
})

test('somebody is told which homes are theirs whenever that changes, and nobody else is', async () => {
  const [person, other] = [await newPerson(hub), await newPerson(hub, 'staff')]
  const topic = `users/${person.id}/homes`
  const client = await connect(person)
  const told: unknown[] = []
  client.on('message', (from, payload) => void (from === topic && told.push(JSON.parse(payload.toString()).homes)))
  await client.subscribeAsync(topic, { qos: 1 })
  await join(person)
  await join(person, 'technician')
  await leave(person)
  await until(() => told.length === 3)
  expect(told).toEqual([[{ home_id: 'flat', role: 'member' }], [{ home_id: 'flat', role: 'technician' }], []])
  const nosy = await connect(other, { clientId: 'user-b' })
  for (const filter of [topic, 'users/+/homes', 'users/#']) await expect(nosy.subscribeAsync(filter)).rejects.toThrow()
  for (const one of [client, nosy]) await one.endAsync()
})

test('an owner takes people in by e-mail address, changes as what, and cannot leave a home without an owner', async () => {
  const [owner, guest] = [await newPerson(hub), await newPerson(hub)]
  await owner.client.post('/homes', { id: 'house', name: 'House' })
  const invite = (login: string, role: string) => owner.client.post('/homes/house/members', { login, role })
  await expect(invite('nobody@example.org', 'member')).rejects.toMatchObject({ code: 'not_found' })
  await invite(guest.username, 'technician')
  await expect(guest.client.patch('/homes/house', { name: 'Mine' })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(owner.client.delete(`/homes/house/members/${owner.id}`)).rejects.toMatchObject({ code: 'conflict' })
  await expect(owner.client.put(`/homes/house/members/${owner.id}`, { role: 'member' })).rejects.toMatchObject({
    code: 'conflict',
  })
  await owner.client.put(`/homes/house/members/${guest.id}`, { role: 'owner' })
  await guest.client.patch('/homes/house', { name: 'Ours', timezone: 'Asia/Tokyo' })
  await guest.client.delete(`/homes/house/members/${owner.id}`)
  await expect(owner.client.get('/homes/house')).rejects.toMatchObject({ code: 'not_found' })
  await expect(guest.client.patch('/homes/house', { timezone: 'Mars/Olympus' })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test('a home is deleted when it is empty, and its rooms with it', async () => {
  await hub.client.post('/homes', { id: 'shed', name: 'Shed' })
  const { room } = await hub.client.post<{ room: { id: string } }>('/homes/shed/rooms', { name: 'Corner' })
  await hub.device('mower', { home_id: 'shed', room_id: room.id })
  await expect(hub.client.delete('/homes/shed')).rejects.toMatchObject({ code: 'conflict' })
  await expect(hub.client.patch('/devices/sensor', { room_id: room.id })).rejects.toMatchObject({
    code: 'invalid_request',
  })
  await hub.client.delete(`/rooms/${room.id}`)
  expect(await hub.client.get('/devices/mower')).toMatchObject({ device: { room_id: null, home_id: 'shed' } })
  await hub.client.delete('/devices/mower')
  await hub.client.delete('/homes/shed')
  await expect(hub.client.get('/homes/shed')).rejects.toMatchObject({ code: 'not_found' })
  await expect(hub.client.delete('/homes/home')).rejects.toMatchObject({ code: 'conflict' })
})

test('a member may leave, and take nobody else along', async () => {
  const [leaver, other] = [await newPerson(hub), await newPerson(hub)]
  await join(leaver)
  await join(other)
  await expect(leaver.client.delete(`/homes/flat/members/${other.id}`)).rejects.toMatchObject({ code: 'forbidden' })
  await leaver.client.delete(`/homes/flat/members/${leaver.id}`)
  await expect(leaver.client.get('/homes/flat')).rejects.toMatchObject({ code: 'not_found' })
  const { members } = await other.client.get<{ members: object[] }>('/homes/flat/members')
  expect(JSON.stringify(members)).not.toContain('@')
})

test('claim codes go with the ownership of who made them, and outlive the room they were for', async () => {
  const [owner, other] = [await newPerson(hub), await newPerson(hub)]
  await owner.client.post('/homes', { id: 'barn', name: 'Barn' })
  await owner.client.put(`/homes/barn/members/${other.id}`, { role: 'owner' })
  const code = async (person: Person, wanted = {}) =>
    (await person.client.post<{ code: string }>('/homes/barn/claim-codes', wanted)).code
  const { room } = await owner.client.post<{ room: { id: string } }>('/homes/barn/rooms', { name: 'Loft' })
  const [theirs, inRoom] = [await code(other), await code(owner, { room_id: room.id })]
  await owner.client.put(`/homes/barn/members/${other.id}`, { role: 'member' })
  const register = (body: object) => new HearthClient({ url: hub.http_url }).post('/devices/register', body)
  await expect(register({ code: theirs })).rejects.toMatchObject({ code: 'unauthorized' })
  await owner.client.delete(`/rooms/${room.id}`)
  expect(await register({ code: inRoom })).toMatchObject({ device: { home_id: 'barn', room_id: null } })
})
