import { expect, test } from 'vitest'
import { Turns } from '../../src/notifications/turns.js'
import { come, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

/** A home whose receivers take everything and answer nothing, and another that has a good one. */
async function begin() {
  const [world, silent, good] = await Promise.all([startNotifying(), startReceiver(), startReceiver()])
  silent.answer = () => undefined
  const { home } = await world.client.post<{ home: { id: string } }>('/homes', { name: 'Other', timezone: 'UTC' })
  await world.contact('good', { home_id: home.id, kind: 'webhook', url: good.url })
  const deaf = (name: string) => world.contact(name, { home_id: 'home', kind: 'webhook', url: silent.url })
  return { ...world, silent, good, deaf, raiseElsewhere: () => world.raise({ home_id: home.id }) }
}

test('a home whose receivers do not answer, with much that waits for them, holds up no other home', async () => {
  const { deaf, raise, silent, good, raiseElsewhere } = await begin()
  for (let i = 0; i < 20; i++) await deaf(`deaf-${i}`)
  await raise()
  await raise()
  await come(silent.received, 8)
  await raiseElsewhere()
  await come(good.received, 1)
  expect(silent.received).toHaveLength(8)
})

test('tests that wait for their answer take no turn from what people have to be told; of a contact there is one', async () => {
  const { deaf, client, silent, good, raiseElsewhere } = await begin()
  const made = await Promise.all(Array.from({ length: 20 }, (_, i) => deaf(`deaf-${i}`)))
  const test = (id: string) => client.post(`/settings/contacts/${id}/test`)
  for (const { contact } of made) test(contact.id).catch(() => undefined)
  await come(silent.received, 20)
  await expect(test(made[0]?.contact.id ?? '')).rejects.toMatchObject({ code: 'conflict' })
  await raiseElsewhere()
  await come(good.received, 1)
})

test('whoever had no turn for longest is next: of homes, and within a home of contacts', () => {
  const turns = new Turns()
  const due = ['a/1', 'a/2', 'a/3', 'b/1', 'c/1'].map((contact_id, next_at) => {
    return { id: contact_id, home_id: contact_id.slice(0, 1), contact_id, next_at }
  })
  const next = (most: number, busy: string[] = []) => turns.choose(due, busy, most).map(({ id }) => id)
  expect(next(4)).toEqual(['a/1', 'b/1', 'c/1', 'a/2'])
  expect(next(2)).toEqual(['b/1', 'c/1'])
  expect(next(3)).toEqual(['a/3', 'b/1', 'c/1'])
  expect(next(3, Array<string>(8).fill('a'))).toEqual(['b/1', 'c/1'])
})
