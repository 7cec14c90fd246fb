import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Command } from '../../src/commands/rows.js'
import { startHub, type TestHub, until } from '../helper.js'
import { becomes as becomesAt, issue as issueAt, listening as listeningAt, read as readAt } from './obedient.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const issue = (id: string, body: object, query = '', at = hub) => issueAt(at, id, body, query)
const read = (id: string, at = hub) => readAt(at, id)
const becomes = (id: string, status: string, at = hub) => becomesAt(at, id, status)
const listening = (id: string, key: string, at = hub) => listeningAt(at, id, key)

test('a command goes from queued to succeeded, and a home hears each change', async () => {
  const key = await hub.device('life')
  const heard = await hub.listen('homes/home/commands')
  const command = await issue('life', { name: 'set_power', params: { power: 'on' } })
  expect(command).toMatchObject({ status: 'queued', attempt: 0 })
  const device = await listening('life', key)
  const [got] = await until(() => (device.received.length > 0 ? device.received : null))
  expect(got).toMatchObject({ id: command.id, name: 'set_power', params: { power: 'on' }, attempt: 1 })
  await becomes(command.id, 'delivered')
  await device.answer(command.id, 'accepted')
  await device.answer(command.id, 'running', { progress: 40 })
  expect(await becomes(command.id, 'running')).toMatchObject({ progress: 40 })
  await device.answer(command.id, 'succeeded', { result: { power: 'on' }, state: { power: 'on' } })
  expect(await becomes(command.id, 'succeeded')).toMatchObject({
    result: { power: 'on' },
    settled_at: expect.any(Number),
  })
  const changes = heard.messages.map(({ payload }) => JSON.parse(payload).command as Command)
  const statuses = changes.filter(({ id }) => id === command.id).map(({ status }) => status)
  expect(statuses).toEqual(['queued', 'sent', 'delivered', 'accepted', 'running', 'succeeded'])
  const { state } = await hub.client.get<{ state: { reported: object } }>('/devices/life/state')
  expect(state.reported).toEqual({ power: 'on' })
})

test('the timeline has every step with its time, and what came late or again without effect', async () => {
  const device = await listening('timed', await hub.device('timed'))
  const { id } = await issue('timed', { name: 'roll' })
  await becomes(id, 'delivered')
  for (const [status, more] of [
    ['accepted', {}],
    ['running', { progress: 40 }],
    ['running', { progress: 80 }],
    ['succeeded', {}],
  ] as const)
    await device.answer(id, status, more)
  await device.answer(id, 'succeeded')
  await device.answer(id, 'failed')
  const path = `/commands/${id}/timeline`
  const { timeline } = await hub.client.get<{
    timeline: { at: number; status: string; progress: number | null; counted: boolean }[]
  }>(path)
  const shown = timeline.map(({ status, progress, counted }) => [status, progress, counted])
  expect(shown).toEqual([
    ['queued', null, true],
    ['sent', null, true],
    ['delivered', null, true],
    ['accepted', null, true],
    ['running', 40, true],
    ['running', 80, true],
    ['succeeded', 80, true],
    ['succeeded', null, false],
    ['failed', null, false],
  ])
  expect(timeline.map(({ at }) => at)).toEqual(timeline.map(({ at }) => at).sort((a, b) => a - b))
  for (let i = 0; i < 120; i++) await device.answer(id, 'failed')
  const { timeline: after } = await hub.client.get<{ timeline: object[] }>(path)
  expect(after).toHaveLength(107)
})

test('nobody waits longer than the device takes, however close together its steps are committed', async () => {
  const { client } = await listening('brisk', await hub.device('brisk'))
  client.on('message', (_, payload) => {
    const { id } = JSON.parse(payload.toString())
    for (const status of ['accepted', 'running', 'succeeded'])
      client.publish('devices/brisk/commands/result', JSON.stringify({ id, status }), { qos: 1 })
  })
  const begun = performance.now()
  for (let i = 0; i < 50; i++)
    expect(await issue('brisk', { name: 'blink' }, '?wait=20')).toMatchObject({ status: 'succeeded' })
  expect(performance.now() - begun).toBeLessThan(20_000)
})

describe('what a device says of a command', () => {
  test.each(['failed', 'rejected'] as const)('%s settles it, with the error', async status => {
    const device = await listening(status, await hub.device(status))
    const waiting = issue(status, { name: 'open' }, '?wait=10')
    const [got] = await until(() => (device.received.length > 0 ? device.received : null))
    await device.answer(got?.id ?? '', status, { error: { code: 'jam', message: 'motor stalled' } })
    expect(await waiting).toMatchObject({ status, error: { code: 'jam', message: 'motor stalled' } })
  })

  test('changes nothing once it is settled', async () => {
    const device = await listening('settled', await hub.device('settled'))
    const command = await issue('settled', { name: 'open' })
    await until(() => device.received.length > 0)
    await device.answer(command.id, 'succeeded', { result: 1 })
    await device.answer(command.id, 'failed', { error: { code: 'x', message: 'late' } })
    await device.answer(command.id, 'running')
    expect(await read(command.id)).toMatchObject({ status: 'succeeded', result: 1, error: null })
  })

  test('counts only from the device it was for', async () => {
    const device = await listening('mine', await hub.device('mine'))
    const thief = await listening('thief', await hub.device('thief'))
    const command = await issue('mine', { name: 'open' })
    await until(() => device.received.length > 0)
    await becomes(command.id, 'delivered')
    await thief.answer(command.id, 'succeeded')
    expect((await read(command.id)).status).toBe('delivered')
  })
})

describe('a command that is not answered', () => {
  test('expires when it was never sent', async () => {
    await hub.device('away')
    const { id } = await issue('away', { name: 'open', ttl_seconds: 1 })
    expect(await becomes(id, 'expired')).toMatchObject({ sent_at: null })
  })

  test('is unknown when it was sent, the link died and no result came', async () => {
    const device = await listening('dead', await hub.device('dead'))
    const { id } = await issue('dead', { name: 'open', ttl_seconds: 1 })
    await until(() => device.received.length > 0)
    await device.client.endAsync(true)
    await becomes(id, 'unknown')
  })

  test('is returned as it stands when the wait is over', async () => {
    await hub.device('slow')
    expect(await issue('slow', { name: 'open' }, '?wait=1')).toMatchObject({ status: 'queued' })
  })
})

test('a newer command with the same collapse_key supersedes one that still waits', async () => {
  const key = await hub.device('collapse')
  const old = await issue('collapse', { name: 'target', params: { t: 20 }, collapse_key: 'target' })
  const other = await issue('collapse', { name: 'mode', collapse_key: 'mode' })
  const newer = await issue('collapse', { name: 'target', params: { t: 21 }, collapse_key: 'target' })
  expect((await read(old.id)).status).toBe('superseded')
  const device = await listening('collapse', key)
  await until(() => device.received.length === 2)
  expect(device.received.map(({ id }) => id)).toEqual([other.id, newer.id])
})

test('300 commands that waited through a restart arrive once each, in order', async () => {
  let running = await startHub()
  const key = await running.device('queue')
  const ids: string[] = []
  for (let i = 0; i < 300; i++) ids.push((await issue('queue', { name: 'n', params: { i } }, '', running)).id)
  running = await running.restart()
  const device = await listening('queue', key, running)
  await until(() => device.received.length >= 300)
  expect(device.received.map(({ id }) => id)).toEqual(ids)
  await becomes(ids.at(-1) ?? '', 'delivered', running)
  await running.close()
})

test('a command that was sent and not acknowledged is sent again on the next connection, with the same id', async () => {
  const key = await hub.device('again')
  const first = await hub.connect('again', key)
  // It hears the command and says nothing, as if the link had died under its PUBACK.
  first.handleMessage = () => undefined
  const heard = new Promise<void>(resolve => {
    first.on('packetreceive', packet => {
      if (packet.cmd === 'publish') resolve()
    })
  })
  await first.subscribeAsync('devices/again/commands', { qos: 1 })
  const { id } = await issue('again', { name: 'open' })
  await heard
  expect((await read(id)).status).toBe('sent')
  first.stream.destroy()
  const second = await listening('again', key)
  const [got] = await until(() => (second.received.length > 0 ? second.received : null))
  expect(got).toMatchObject({ id, attempt: 2 })
  await second.answer(id, 'succeeded')
  await becomes(id, 'succeeded')
})

test('what a device says of a command that waits to be sent again counts: it has run it', async () => {
  const key = await hub.device('ran')
  const first = await hub.connect('ran', key)
  first.handleMessage = () => undefined
  await first.subscribeAsync('devices/ran/commands', { qos: 1 })
  const { id } = await issue('ran', { name: 'open' })
  await becomes(id, 'sent')
  first.stream.destroy()
  const second = await hub.connect('ran', key)
  // It begins to listen and is gone from there again before the command can be sent.
  second.subscribe('devices/ran/commands', { qos: 1 })
  await second.unsubscribeAsync('devices/ran/commands')
  expect(await becomes(id, 'queued')).toMatchObject({ attempt: 1 })
  await second.publishAsync('devices/ran/commands/result', JSON.stringify({ id, status: 'succeeded' }), { qos: 1 })
  await becomes(id, 'succeeded')
})

test('commands given at once arrive in the order of their ids, whether they waited or not', async () => {
  const device = await listening('orderly', await hub.device('orderly'))
  const given = await Promise.all(Array.from({ length: 60 }, (_, i) => issue('orderly', { name: 'n', params: { i } })))
  await until(() => device.received.length >= 60)
  const ids = given.map(({ id }) => id).toSorted()
  expect(device.received.map(({ id }) => id)).toEqual(ids)
})
