import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Command } from '../../src/commands/rows.js'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson, type Person } from '../people/person.js'

let hub: TestHub
let maker: Person
let reader: Person
let group: string
const lamps = ['a-lamp', 'b-lamp', 'c-lamp']

interface Batch {
  readonly batch: { readonly id: string; readonly total: number; readonly summary: Record<string, number> }
  readonly commands: Command[]
}

beforeAll(async () => {
  hub = await startHub()
  maker = await newPerson(hub)
  reader = await newPerson(hub)
  for (const home of ['a', 'b', 'c']) {
    await hub.client.post('/homes', { id: home, name: home })
    await hub.client.put(`/homes/${home}/members/${maker.id}`, { role: 'member' })
    const key = await hub.device(`${home}-lamp`, { home_id: home })
    const lamp = await hub.connect(`${home}-lamp`, key)
    lamp.on('message', (_, payload) => {
      const { id } = JSON.parse(payload.toString())
      const result =
        home === 'b' ? { id, status: 'failed', error: { code: 'jam', message: 'stuck' } } : { id, status: 'succeeded' }
      lamp.publish(`devices/${home}-lamp/commands/result`, JSON.stringify(result), { qos: 1 })
    })
    await lamp.subscribeAsync(`devices/${home}-lamp/commands`, { qos: 1 })
  }
  const made = await maker.client.post<{ group: { id: string } }>('/groups', { name: 'Lamps', colour: '#ffcc00' })
  group = made.group.id
  for (const id of lamps) await maker.client.post(`/groups/${group}/devices/${id}`)
})
afterAll(() => hub.close())

const order = (person: Person, name = 'on') => person.client.post<Batch>(`/groups/${group}/commands`, { name })
const outcome = (person: Person, id: string) => person.client.get<Batch>(`/groups/${group}/commands/${id}`)

test('a command to a group is a tracked command for each device, with a summary', async () => {
  const { batch, commands } = await order(maker)
  expect(batch.total).toBe(3)
  expect(commands.map(({ device_id, home_id }) => [device_id, home_id])).toEqual(lamps.map(id => [id, id[0]]))
  const settled = await until(async () => {
    const { batch: now } = await outcome(maker, batch.id)
    return (now.summary.succeeded ?? 0) + (now.summary.failed ?? 0) === 3 ? now : null
  })
  expect(settled.summary).toEqual({ succeeded: 2, failed: 1 })
  expect(await maker.client.get(`/devices/a-lamp/commands`)).toMatchObject({ commands: [{ batch_id: batch.id }] })
})

test('a group is seen by its maker and by whoever may read every device in it', async () => {
  const see = () => reader.client.get(`/groups/${group}`)
  await hub.client.put(`/homes/a/members/${reader.id}`, { role: 'member' })
  await hub.client.put(`/homes/b/members/${reader.id}`, { role: 'member' })
  await expect(see()).rejects.toMatchObject({ code: 'not_found' })
  expect(await reader.client.get('/groups')).toMatchObject({ groups: [] })
  await hub.client.put(`/homes/c/members/${reader.id}`, { role: 'member' })
  expect(await see()).toMatchObject({ group: { device_ids: lamps, colour: '#ffcc00' } })
  expect(await reader.client.get('/groups')).toMatchObject({ groups: [{ id: group }] })
  expect(await reader.client.get('/devices/a-lamp/groups')).toMatchObject({ groups: [{ id: group }] })
  await expect(reader.client.put(`/groups/${group}`, { name: 'Mine' })).rejects.toMatchObject({ code: 'forbidden' })
  expect(await reader.client.get(`/devices?group_id=${group}`)).toMatchObject({ devices: lamps.map(id => ({ id })) })
})

test('who lost a home no longer sees or commands its devices through a group', async () => {
  await hub.client.delete(`/homes/b/members/${maker.id}`)
  expect(await maker.client.get(`/groups/${group}`)).toMatchObject({ group: { device_ids: ['a-lamp', 'c-lamp'] } })
  const { batch, commands } = await order(maker, 'off')
  expect(commands.map(({ device_id }) => device_id)).toEqual(['a-lamp', 'c-lamp'])
  await hub.client.delete(`/homes/a/members/${maker.id}`)
  expect((await outcome(maker, batch.id)).commands.map(({ device_id }) => device_id)).toEqual(['c-lamp'])
  await expect(maker.client.post(`/groups/${group}/devices/b-lamp`)).rejects.toMatchObject({ code: 'not_found' })
})

test('a deleted device leaves its groups, and a deleted group its devices', async () => {
  await hub.client.delete('/devices/c-lamp')
  expect(await hub.client.get(`/groups/${group}`)).toMatchObject({ group: { device_ids: ['a-lamp', 'b-lamp'] } })
  await expect(hub.client.delete(`/groups/${group}/devices/c-lamp`)).rejects.toMatchObject({ code: 'not_found' })
  await hub.client.delete(`/groups/${group}`)
  expect(await hub.client.get('/devices/a-lamp')).toMatchObject({ device: { id: 'a-lamp' } })
})
