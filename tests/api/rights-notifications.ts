import { createContact } from '../../src/notifications/contacts.js'
import { getNotification, insertTest, settle } from '../../src/notifications/notifications.js'
import type { Started } from './harness.js'
import type { Asked } from './rights-things.js'

/** Contacts of the home `mine`, and what was sent to them. */
export function notificationThingsOf(hub: () => Started) {
  const where = { kind: 'webhook', url: 'http://127.0.0.1:9/' } as const
  async function contact() {
    const { store, seal } = hub()
    return (await createContact(store.db, seal, { ...where, home_id: 'mine', name: 'x', created_by: 'test' })).contact
  }
  const onContact = (body?: object) => async (): Promise<Asked> => ({
    path: { id: (await contact()).id },
    ...(body && { body }),
  })
  const newContact = async (): Promise<Asked> => ({ body: { ...where, home_id: 'mine', name: 'x' } })
  const ofMine = async (): Promise<Asked> => ({ query: '?home_id=mine' })
  const onPolicy = async (): Promise<Asked> => ({ path: { home_id: 'mine' }, body: { tell_closed: false } })
  const onDead = async (): Promise<Asked> => {
    const { store } = hub()
    const data = { alert: null, home: { id: 'mine', name: 'mine' }, device: null, step: 0 }
    const sending = await insertTest(store.db, await contact(), { type: 'test', timestamp: 1, data })
    await settle(store, sending, { at: 1, ms: 1, fault: 'x', next_at: null })
    return { path: { id: (await getNotification(store.db, sending.id)).id } }
  }
  return { onContact, newContact, ofMine, onPolicy, onDead }
}
