import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, noticeIn, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

/** A home with two people to tell, each with a webhook. */
async function begin(after_seconds: number) {
  const [world, mine, yours] = await Promise.all([startNotifying(), startReceiver(), startReceiver()])
  const [me, you] = await Promise.all([
    world.contact('me', { kind: 'webhook', url: mine.url }),
    world.contact('you', { kind: 'webhook', url: yours.url }),
  ])
  const steps = [
    { after_seconds: 0, contact_ids: [me.contact.id] },
    { after_seconds, contact_ids: [you.contact.id] },
  ]
  await world.policy({ steps })
  return { ...world, mine: mine.received, yours: yours.received, me, you }
}

test('when nobody answers, the next are told, and everybody sees that it was escalated', async () => {
  const { raise, mine, yours, alert, hub, client } = await begin(1)
  const { messages } = await hub.listen('homes/home/alerts')
  const { id } = await raise()
  await come(mine, 1)
  const [told] = await come(yours, 1)
  if (!told) throw new Error('nobody was told')
  expect(noticeIn(told)).toMatchObject({ type: 'alert.escalated', data: { step: 1 } })
  expect(await alert(id)).toMatchObject({ status: 'escalated' })
  await until(() => messages.some(({ payload }) => payload.includes('"status":"escalated"')))
  const { timeline } = await client.get<{ timeline: { action: string; actor: string }[] }>(`/alerts/${id}/timeline`)
  expect(timeline.at(-1)).toMatchObject({ action: 'escalated', actor: 'policy/home' })
})

test('when somebody acknowledges, nobody else is told', async () => {
  const { raise, act, mine, yours, hub } = await begin(1)
  const { id } = await raise()
  await come(mine, 1)
  await act(id, 'ack')
  // Another alert goes the whole way behind it.
  await raise({ message: 'other' })
  const [told] = await come(yours, 1)
  expect(told && noticeIn(told).data.alert?.message).toBe('other')
  const row = await hub.hub.store.db.selectFrom('alerts').select('notify_at').where('id', '=', id).executeTakeFirst()
  expect(row?.notify_at).toBeNull()
})

test('by hand the next are told at once', async () => {
  const { raise, act, mine, yours } = await begin(3600)
  const { id } = await raise()
  await come(mine, 1)
  await act(id, 'escalate')
  const [told] = await come(yours, 1)
  expect(told && noticeIn(told)).toMatchObject({ type: 'alert.escalated', data: { alert: { id } } })
})

test('an alert that becomes more severe is told anew, and one that is only said again is not', async () => {
  const { raise, mine } = await begin(3600)
  await raise({ key: 'k', severity: 'minor' })
  await come(mine, 1)
  await raise({ key: 'k', severity: 'minor' })
  await raise({ key: 'k', severity: 'critical' })
  await come(mine, 2)
  expect(mine.map(one => noticeIn(one).data.alert?.severity)).toEqual(['minor', 'critical'])
})

test('an inactive contact is told nothing, and a deleted one is named no more', async () => {
  const { raise, client, policy, me, you, yours, told } = await begin(0)
  await client.patch(`/settings/contacts/${me.contact.id}`, { status: 'inactive' })
  const first = await raise()
  await come(yours, 1)
  expect((await told(first.id)).map(({ contact_name }) => contact_name)).toEqual(['you'])
  await policy({ steps: [{ after_seconds: 0, contact_ids: [me.contact.id, you.contact.id] }] })
  await client.delete(`/settings/contacts/${you.contact.id}`)
  const { policies } = await client.get<{ policies: { steps: { contact_ids: string[] }[] }[] }>('/settings/policies')
  expect(policies[0]?.steps.map(({ contact_ids }) => contact_ids)).toEqual([[me.contact.id]])
  expect((await told(first.id))[0]).toMatchObject({ contact_id: null, contact_name: 'you' })
})

test('a contact is not deleted while a step would tell nobody without it', async () => {
  const { client, me } = await begin(0)
  await expect(client.delete(`/settings/contacts/${me.contact.id}`)).rejects.toMatchObject({ code: 'conflict' })
  await expect(client.get(`/settings/contacts/${me.contact.id}`)).resolves.toMatchObject({
    contact: { id: me.contact.id },
  })
})
