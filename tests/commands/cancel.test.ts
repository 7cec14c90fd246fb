import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Command } from '../../src/commands/rows.js'
import type { Step } from '../../src/commands/timeline.js'
import { startHub, type TestHub, until } from '../helper.js'
import { becomes, issue, listening, read } from './obedient.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const cancel = async (id: string) => (await hub.client.delete<{ command: Command }>(`/commands/${id}`)).command

test('a command that was never sent is cancelled at once', async () => {
  await hub.device('waiting')
  const { id } = await issue(hub, 'waiting', { name: 'open' })
  expect(await cancel(id)).toMatchObject({ status: 'cancelled', cancel_requested_at: null })
  await expect(cancel(id)).rejects.toMatchObject({ code: 'conflict' })
})

describe('of a command that was sent', () => {
  test('the device is asked, and what it says is what became of it', async () => {
    const device = await listening(hub, 'asked', await hub.device('asked'))
    const heeded = await issue(hub, 'asked', { name: 'roll' })
    await becomes(hub, heeded.id, 'delivered')
    await device.answer(heeded.id, 'running', { progress: 10 })
    await becomes(hub, heeded.id, 'running')
    const asked = await cancel(heeded.id)
    expect(asked).toMatchObject({ status: 'running', cancel_requested_at: expect.any(Number) })
    expect((await cancel(heeded.id)).cancel_requested_at).toBe(asked.cancel_requested_at)
    await until(() => device.cancelled.includes(heeded.id))
    await device.answer(heeded.id, 'cancelled')
    const { settled_at, cancel_requested_at } = await becomes(hub, heeded.id, 'cancelled')
    const { timeline } = await hub.client.get<{ timeline: Step[] }>(`/commands/${heeded.id}/timeline`)
    expect(timeline.slice(-3)).toMatchObject([
      { status: 'running', progress: 10 },
      { status: 'cancel_requested', at: cancel_requested_at, counted: true },
      { status: 'cancelled', at: settled_at },
    ])

    const done = await issue(hub, 'asked', { name: 'roll' })
    await becomes(hub, done.id, 'delivered')
    await cancel(done.id)
    await device.answer(done.id, 'succeeded')
    await becomes(hub, done.id, 'succeeded')
  })

  test('the device is asked when it is back, and is not sent the command again', async () => {
    const key = await hub.device('back')
    const first = await hub.connect('back', key)
    // It hears the command and says nothing, as if the link had died under its PUBACK.
    first.handleMessage = () => undefined
    await first.subscribeAsync('devices/back/commands', { qos: 1 })
    const { id } = await issue(hub, 'back', { name: 'open' })
    await becomes(hub, id, 'sent')
    first.stream.destroy()
    await until(
      async () => !(await hub.client.get<{ device: { connected: boolean } }>('/devices/back')).device.connected,
    )
    await cancel(id)
    const second = await listening(hub, 'back', key)
    await until(() => second.cancelled.includes(id))
    const { id: next } = await issue(hub, 'back', { name: 'close' })
    await becomes(hub, next, 'delivered')
    expect(second.received.map(command => command.id)).toEqual([next])
    expect((await read(hub, id)).status).toBe('queued')
    await second.answer(id, 'cancelled')
    await becomes(hub, id, 'cancelled')
  })
})

test('a device that listens for cancelling later than for commands is asked then', async () => {
  const key = await hub.device('later')
  const { id } = await issue(hub, 'later', { name: 'roll' })
  const first = await listening(hub, 'later', key)
  await becomes(hub, id, 'delivered')
  await first.client.endAsync()
  await cancel(id)
  const second = await hub.connect('later', key)
  const heard: string[] = []
  second.on('message', topic => heard.push(topic))
  await second.subscribeAsync('devices/later/commands', { qos: 1 })
  await second.subscribeAsync('devices/later/commands/cancel', { qos: 1 })
  await until(() => heard.includes('devices/later/commands/cancel'))
})

test('a result that comes before a lost command is sent again settles it', async () => {
  const key = await hub.device('quick')
  const first = await hub.connect('quick', key)
  first.handleMessage = () => undefined
  await first.subscribeAsync('devices/quick/commands', { qos: 1 })
  const { id } = await issue(hub, 'quick', { name: 'open' })
  await becomes(hub, id, 'sent')
  first.stream.destroy()
  const second = await hub.connect('quick', key)
  await second.publishAsync('devices/quick/commands/result', JSON.stringify({ id, status: 'succeeded' }), { qos: 1 })
  expect(await becomes(hub, id, 'succeeded')).toMatchObject({ delivered_at: expect.any(Number) })
})
