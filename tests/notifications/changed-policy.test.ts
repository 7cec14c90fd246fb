import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, noticeIn, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

/** A home in the middle of quiet hours, which somebody is to be told of. */
async function begin() {
  const [world, receiver] = await Promise.all([startNotifying(), startReceiver()])
  const { client, hub, contact, policy } = world
  await client.patch('/homes/home', { timezone: 'UTC' })
  await contact('me', { kind: 'webhook', url: receiver.url })
  const clock = (ms: number) => new Date(Date.now() + ms).toISOString().slice(11, 16)
  await policy({ quiet_hours: { from: clock(-7_200_000), to: clock(7_200_000), passes: 'critical' } })
  const row = (id: string) =>
    hub.hub.store.db.selectFrom('alerts').select(['notify_at', 'step']).where('id', '=', id).executeTakeFirstOrThrow()
  const isHeld = (id: string) => until(async () => ((await row(id)).notify_at ?? 0) > Date.now() + 7_000_000)
  return { ...world, received: receiver.received, row, isHeld }
}

test('in quiet hours what is not urgent waits, and is not told at all when it is over by then', async () => {
  const { raise, act, received, isHeld, row } = await begin()
  const held = await raise({ severity: 'minor', message: 'held' })
  await raise({ message: 'urgent' })
  const [told] = await come(received, 1)
  expect(told && noticeIn(told).data.alert?.message).toBe('urgent')
  await isHeld(held.id)
  await act(held.id, 'close')
  expect((await row(held.id)).notify_at).toBeNull()
  expect(received).toHaveLength(1)
})

test('what quiet hours hold is told when the home wants no more of them, and what was told is not told again', async () => {
  const { raise, policy, received, isHeld, row } = await begin()
  const urgent = await raise({ message: 'urgent' })
  await come(received, 1)
  const held = await raise({ severity: 'minor', message: 'held' })
  await isHeld(held.id)
  await policy({ quiet_hours: null })
  await come(received, 2)
  await policy({ repeat: { every_seconds: 3600, times: 1 } })
  await until(async () => ((await row(urgent.id)).notify_at ?? 0) > Date.now())
  await raise({ message: 'another' })
  await come(received, 3)
  expect(received.map(one => noticeIn(one).data.alert?.message)).toEqual(['urgent', 'held', 'another'])
})

test('that an alert is over is told also when somebody acknowledges it while that waits', async () => {
  const { raise, act, received, hub, row } = await begin()
  const { id } = await raise()
  await come(received, 1)
  const { db } = hub.hub.store
  await db
    .updateTable('alerts')
    .set({ cleared_at: Date.now(), notify_at: Date.now() + 3_600_000 })
    .where('id', '=', id)
    .execute()
  await act(id, 'ack')
  const [, over] = await come(received, 2)
  expect(over && noticeIn(over).type).toBe('alert.cleared')
  expect((await row(id)).notify_at).toBeNull()
})

test('an alert that waits for a step of the old policy goes by the new one', async () => {
  const { raise, policy, received, row } = await begin()
  await policy({ quiet_hours: null, steps: [{ after_seconds: 0 }, { after_seconds: 3600 }] })
  const { id } = await raise()
  await come(received, 1)
  await until(async () => (await row(id)).step === 1)
  await policy({ steps: [{ after_seconds: 0 }, { after_seconds: 1 }] })
  const [, told] = await come(received, 2)
  expect(told && noticeIn(told)).toMatchObject({ type: 'alert.escalated', data: { step: 1 } })
})

test('whom a home without steps told nobody of is told when it has some', async () => {
  const { raise, policy, received, row } = await begin()
  await policy({ steps: [] })
  const { id } = await raise()
  await until(async () => (await row(id)).notify_at === null)
  await policy({ steps: [{ after_seconds: 0 }] })
  const [told] = await come(received, 1)
  expect(told && noticeIn(told).type).toBe('alert.raised')
})
