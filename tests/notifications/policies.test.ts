import { expect, test } from 'vitest'
import { trimNotifications } from '../../src/notifications/notifications.js'
import { overdueAlerts, updatePolicy } from '../../src/notifications/policies.js'
import { until } from '../helper.js'
import { come, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

const day = 86_400_000

test('an alert that has been over for as long as the home wants to see it closes by itself', async () => {
  const { hub, raise, client } = await startNotifying()
  const { db } = hub.hub.store
  await client.post('/homes', { id: 'other', name: 'other' })
  const now = Date.now()
  const over = async (home_id: string, days: number) => {
    const { id } = await raise({ home_id, key: `k${days}` })
    await db
      .updateTable('alerts')
      .set({ cleared_at: now - days * day })
      .where('id', '=', id)
      .execute()
    return id
  }
  const [old] = [await over('home', 7), await over('home', 6), await raise({ key: 'still' })]
  const [elsewhere] = [await over('other', 2), await over('other', 1)]
  const due = async () => (await overdueAlerts(db, now)).map(({ id }) => id).sort()
  expect(await due()).toEqual([old])
  await updatePolicy(db, 'other', { close_after_days: 2 })
  expect(await due()).toEqual([old, elsewhere].sort())
  await updatePolicy(db, 'home', { close_after_days: null })
  expect(await due()).toEqual([elsewhere])
})

test('what was settled long ago is forgotten, and what is still to be told is not', async () => {
  const [{ hub, contact, raise, told }, receiver, silent] = await Promise.all([
    startNotifying(),
    startReceiver(),
    startReceiver(),
  ])
  silent.answer = () => undefined
  await contact('one', { kind: 'webhook', url: receiver.url })
  await contact('other', { kind: 'webhook', url: silent.url })
  const { id } = await raise()
  await come(silent.received, 1)
  await until(async () => (await told(id)).some(({ status }) => status === 'delivered'))
  const { db } = hub.hub.store
  expect(await trimNotifications(db, Date.now() - day)).toBe(0)
  expect(await trimNotifications(db, Date.now() + day)).toBe(1)
  expect((await told(id)).map(({ contact_name }) => contact_name)).toEqual(['other'])
})
