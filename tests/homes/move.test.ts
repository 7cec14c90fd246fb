import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'
import { newPerson } from '../people/person.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
  for (const id of ['old', 'new']) await hub.client.post('/homes', { id, name: id })
})
afterAll(() => hub.close())

test('a device moves house without new firmware: topics, retained messages, state, commands and its session follow', async () => {
  const key = await hub.device('lamp', { home_id: 'old' })
  const before = await hub.listen('homes/old/#')
  const lamp = await hub.connect('lamp', key, { clean: false, reconnectPeriod: 100 })
  const commands: string[] = []
  lamp.on('message', (_, payload) => commands.push(JSON.parse(payload.toString()).name))
  await lamp.subscribeAsync('devices/lamp/commands', { qos: 1 })
  await lamp.publishAsync('devices/lamp/state', '{"power":"on"}', { qos: 1 })
  await lamp.publishAsync('devices/lamp/telemetry', '{"watts":7}', { qos: 1 })
  await hub.client.patch('/devices/lamp/desired', { power: 'off' })
  await before.next(({ topic }) => topic === 'homes/old/devices/lamp/telemetry')

  await hub.client.patch('/devices/lamp', { home_id: 'new' })
  const after = await hub.listen('homes/new/#')
  // It comes back by itself, with the session that it had.
  await after.next(({ topic, payload }) => topic === 'homes/new/devices/lamp/presence' && payload.includes('online'))
  expect(JSON.parse((await after.next(({ topic }) => topic === 'homes/new/devices/lamp/state')).payload)).toEqual({
    power: 'on',
  })
  expect((await after.next(({ topic }) => topic === 'homes/new/devices/lamp/desired')).payload).toContain('off')
  await hub.client.post('/devices/lamp/commands', { name: 'blink' })
  await until(() => commands.includes('blink'))
  await lamp.publishAsync('devices/lamp/telemetry', '{"watts":8}', { qos: 1 })
  await after.next(({ topic, payload }) => topic === 'homes/new/devices/lamp/telemetry' && payload.includes('8'))

  const left = await hub.listen('homes/old/devices/lamp/#', 'homes/new/devices/lamp/presence')
  await left.next(({ topic }) => topic.startsWith('homes/new/'))
  expect(left.messages.filter(({ topic }) => topic.startsWith('homes/old/'))).toEqual([])
  const gone = before.messages.filter(
    ({ topic, payload }) => topic.startsWith('homes/old/devices/lamp/') && payload === '',
  )
  expect(gone.map(({ topic }) => topic.split('/').at(-1)).sort()).toEqual(['desired', 'presence', 'state'])
  const { telemetry } = await hub.client.get<{ telemetry: { data: { watts: number } }[] }>('/telemetry/lamp?order=asc')
  expect(telemetry.map(({ data }) => data.watts)).toEqual([7, 8])
  await lamp.endAsync()
})

test('whoever owns only one of the two homes cannot move it', async () => {
  await hub.device('clock', { home_id: 'old' })
  const [mover, receiver] = [await newPerson(hub), await newPerson(hub)]
  await hub.client.put(`/homes/old/members/${mover.id}`, { role: 'owner' })
  await hub.client.put(`/homes/new/members/${mover.id}`, { role: 'member' })
  await hub.client.put(`/homes/new/members/${receiver.id}`, { role: 'owner' })
  const move = { home_id: 'new' }
  await expect(mover.client.patch('/devices/clock', move)).rejects.toMatchObject({ code: 'forbidden' })
  await expect(receiver.client.patch('/devices/clock', move)).rejects.toMatchObject({ code: 'not_found' })
  await hub.client.put(`/homes/new/members/${mover.id}`, { role: 'owner' })
  await mover.client.patch('/devices/clock', move)
  expect(await receiver.client.get('/devices/clock')).toMatchObject({ device: { home_id: 'new' } })
})

test('wherever it was when it connected or spoke, nothing of it is left where it is not', async () => {
  const { secret } = await hub.client.post<{ secret: string }>('/tokens', {
    name: 'x',
    publish: ['homes/#'],
    subscribe: ['homes/#'],
  })
  for (let round = 0; round < 10; round++) {
    const id = `nomad-${round}`
    const key = await hub.device(id, { home_id: 'old' })
    const program = await hub.connect(`program-${round}`, secret)
    // Who speaks for a device that is no longer there is cut off, and what it still waited for is never answered.
    const cut = new Promise<void>(resolve => void program.once('close', resolve))
    const said = Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        program.publishAsync(`homes/old/devices/${id}/state`, `{"i":${i}}`, { qos: 1 }).catch(() => undefined),
      ),
    )
    const connected = hub.connect(id, key)
    const moved = ['new', 'old', 'new'].map(home_id =>
      hub.client.patch(`/devices/${id}`, { home_id }).catch(() => undefined),
    )
    await Promise.allSettled([Promise.race([said, cut]), connected, ...moved])
    await hub.client.patch(`/devices/${id}`, { home_id: 'new' })
    const again = await hub.connect(id, key)
    await hub
      .listen(`homes/new/devices/${id}/presence`)
      .then(heard => heard.next(({ payload }) => payload.includes('online')))
    const seen = await hub.listen(`homes/+/devices/${id}/#`)
    await seen.next(({ retain }) => retain)
    await again.publishAsync(`devices/${id}/event`, '{"end":true}', { qos: 1 })
    await seen.next(({ topic }) => topic.endsWith('/event'))
    expect(seen.messages.filter(({ topic, retain }) => retain && topic.startsWith('homes/old/'))).toEqual([])
    await program.endAsync(true)
  }
})
