import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, noticeIn, startNotifying, type Told } from './notifying.js'
import { type Receiver, startReceiver } from './receiver.js'

async function begin(env: Record<string, string> = {}) {
  const [world, receiver] = await Promise.all([startNotifying(env), startReceiver()])
  await world.contact('phone', { kind: 'webhook', url: receiver.url })
  return { ...world, receiver }
}

/** Refuses, with what it says of when to come again, until it is told otherwise. */
const refuse = (receiver: Receiver, status: number, headers: Record<string, string> = {}) => {
  receiver.answer = (_, response) => void response.writeHead(status, headers).end('no')
}
const accept = (receiver: Receiver) => {
  receiver.answer = (_, response) => void response.writeHead(200).end()
}

const became = (told: (id: string) => Promise<Told[]>, id: string, status: string) =>
  until(async () => (await told(id)).find(row => row.status === status))

test('what is not taken is sent again under the same id, when the receiver asks for it', async () => {
  const { receiver, raise, told } = await begin()
  refuse(receiver, 503, { 'retry-after': '1' })
  const { id } = await raise()
  await come(receiver.received, 2)
  accept(receiver)
  const row = await became(told, id, 'delivered')
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([row.id]))
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
  const faults = row.attempts.map(({ fault }) => fault)
  expect(faults.slice(0, 2)).toEqual(['the answer was 503', 'the answer was 503'])
  expect(faults.at(-1)).toBeNull()
})

test('without a word of that it waits, longer than a receiver needs to draw breath', async () => {
  const { receiver, raise, told } = await begin()
  refuse(receiver, 500)
  const before = Date.now()
  const { id } = await raise()
  const row = await until(async () => (await told(id)).find(({ last_error }) => last_error !== null))
  expect(row).toMatchObject({ status: 'pending', last_error: 'the answer was 500' })
  expect(row.next_at).toBeGreaterThanOrEqual(before + 2500)
  expect(row.next_at).toBeLessThanOrEqual(Date.now() + 5000)
})

test('after its last attempt it is dead, is listed for those who run the hub, and can be sent again by hand', async () => {
  const { receiver, raise, told, client, hub } = await begin({ HEARTH_NOTIFY_ATTEMPTS: '2' })
  refuse(receiver, 429, { 'retry-after': '1' })
  const { id } = await raise()
  const { id: dead } = await became(told, id, 'dead')
  expect(receiver.received).toHaveLength(2)
  const listed = await client.get<{ notifications: Told[] }>('/ops/notifications')
  expect(listed.notifications.map(row => row.id)).toEqual([dead])
  const metrics = async () => (await fetch(`${hub.http_url}/metrics`)).text()
  expect(hub.logged.filter(line => line.includes(dead))).toEqual([expect.stringContaining('the answer was 429')])
  expect(await metrics()).toContain('hearth_notifications{status="dead"} 1')
  expect(await metrics()).toContain('hearth_notification_attempts_failed{kind="webhook"} 2')
  accept(receiver)
  await client.post(`/ops/notifications/${dead}/retry`)
  expect(await became(told, id, 'delivered')).toMatchObject({ id: dead, last_error: null })
  await expect(client.post(`/ops/notifications/${dead}/retry`)).rejects.toMatchObject({ code: 'conflict' })
  expect(await metrics()).toContain('hearth_notifications{status="dead"} 0')
})

test('who says that it is gone is not asked again', async () => {
  const { receiver, raise, told } = await begin()
  refuse(receiver, 410)
  const { id } = await raise()
  expect(await became(told, id, 'dead')).toMatchObject({ attempts: [{ fault: 'the answer was 410' }] })
})

test('a receiver that does not answer holds up nobody else', async () => {
  const { receiver, contact, raise } = await begin()
  const other = await startReceiver()
  await contact('other', { kind: 'webhook', url: other.url })
  receiver.answer = () => undefined
  for (const message of ['one', 'two', 'three']) await raise({ message })
  await come(other.received, 3)
  expect(receiver.received).toHaveLength(1)
})

test('a test is sent once, and says at once what became of it', async () => {
  const { receiver, contact, client } = await begin()
  const { contact: made } = await contact('another', { kind: 'webhook', url: receiver.url })
  const send = async () =>
    (await client.post<{ notification: Told }>(`/settings/contacts/${made.id}/test`)).notification
  expect(await send()).toMatchObject({ event: 'test', status: 'delivered' })
  expect(receiver.received.map(noticeIn)).toMatchObject([{ type: 'test', data: { alert: null, home: { id: 'home' } } }])
  refuse(receiver, 500)
  expect(await send()).toMatchObject({ status: 'dead', last_error: 'the answer was 500' })
  expect(receiver.received).toHaveLength(2)
})

test('when it cannot be written down that it was taken, it is sent again under the same id', async () => {
  const { receiver, raise, told, hub } = await begin()
  const { db } = hub.hub.store
  await sql`create trigger full_disk before update on notifications when new.status = 'delivered'
    begin select raise(abort, 'no space left'); end`.execute(db)
  const { id } = await raise()
  await come(receiver.received, 2)
  await sql`drop trigger full_disk`.execute(db)
  await became(told, id, 'delivered')
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
})

test('what was under way when the hub stopped is sent when it is back, and its close waits for answers', async () => {
  const { receiver, raise, hub } = await begin()
  receiver.answer = (_, response) => void setTimeout(() => response.writeHead(204).end(), 200)
  const { id } = await raise()
  await come(receiver.received, 1)
  const again = await hub.restart()
  const { notifications } = await again.client.get<{ notifications: Told[] }>(`/alerts/${id}/notifications`)
  expect(notifications).toMatchObject([{ status: 'delivered', attempts: [{ fault: null }] }])
  expect(receiver.received).toHaveLength(1)
  await again.close()
})

test('a stop waits neither for a receiver of a test nor for whoever asked for it and keeps the connection', async () => {
  const { receiver, contact, client, hub } = await begin()
  const { contact: made } = await contact('another', { kind: 'webhook', url: receiver.url })
  receiver.answer = () => undefined
  const asked = client.post<{ notification: Told }>(`/settings/contacts/${made.id}/test`)
  await come(receiver.received, 1)
  const begun = performance.now()
  await hub.hub.close()
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect((await asked).notification).toMatchObject({ status: 'sending' })
})
