import { afterEach, beforeEach, expect, test } from 'vitest'
import { clearAlert, getAlert, raiseAlert, silentAlerts } from '../../src/alerts/rows.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeEach(async () => {
  hub = await startHub()
  await hub.device('ear')
})
afterEach(() => hub.close())

const db = () => hub.hub.store.db
const minute = 60_000

/** As a recording in which it is heard does. */
const hear = (id: string, source: 'detector' | 'device' = 'detector') =>
  raiseAlert(db(), id, {
    home_id: 'home',
    device_id: 'ear',
    key: `${source}_alarm`,
    source,
    severity: 'critical',
    message: 'Alarm',
    data: null,
    at: Date.now(),
    actor: source === 'detector' ? 'detector/detector_alarm' : 'device/ear',
  })
const acknowledge = (id: string) => hub.client.post(`/alerts/${id}/ack`)
const statusOf = async (id: string) =>
  (await hub.client.get<{ alert: { readonly status: string } }>(`/alerts/${id}`)).alert.status

/** Long after everything that there is. */
async function restartLater(): Promise<void> {
  const ago = Date.now() - 11 * minute
  await db().updateTable('alerts').set({ updated_at: ago }).execute()
  await db().updateTable('jobs').set({ last_run_at: ago }).where('name', '=', 'close-alerts').execute()
  hub = await hub.restart()
}

test('a sound that was acknowledged and is not heard any more is over, so that the next is another alert', async () => {
  await hear('first')
  await acknowledge('first')
  await restartLater()
  await until(async () => (await statusOf('first')) === 'closed')
  expect(await hear('second')).toMatchObject({ id: 'second', status: 'open', times: 1 })
})

test('nobody but people end what they have not acknowledged, and what a device says until it clears it', async () => {
  await hear('unseen')
  await hear('said', 'device')
  await acknowledge('said')
  expect(await silentAlerts(db(), Date.now())).toEqual([])
})

test('what is over to its detector and held open by others takes no place among what is to be ended', async () => {
  await hear('held')
  const { device_id, key } = await getAlert(db(), 'held')
  await hub.client.post('/alerts', { device_id, key, severity: 'critical', message: 'I hear it too' })
  await hear('held')
  await acknowledge('held')
  const [silent] = await silentAlerts(db(), Date.now())
  if (!silent) throw new Error('it is not taken for over')
  expect(await clearAlert(db(), silent)).toBeUndefined()
  expect(await silentAlerts(db(), Date.now())).toEqual([])
  expect(await statusOf('held')).toBe('acknowledged')
})

test('a sound that is heard again meanwhile is not over', async () => {
  await hear('first')
  await acknowledge('first')
  await db()
    .updateTable('alerts')
    .set({ updated_at: Date.now() - 11 * minute })
    .execute()
  const [silent] = await silentAlerts(db(), Date.now() - 10 * minute)
  if (!silent) throw new Error('it is not taken for over')
  await hear('again')
  expect(await silentAlerts(db(), Date.now() - 10 * minute)).toEqual([])
  expect(await clearAlert(db(), silent)).toBeUndefined()
  expect(await statusOf('first')).toBe('acknowledged')
})
