import type { MqttClient } from 'mqtt'
import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, noticeIn, startNotifying } from './notifying.js'
import { startReceiver } from './receiver.js'

/** A sensor that raises and clears one alert, and somebody who is told of it. */
async function begin() {
  const [world, receiver] = await Promise.all([startNotifying(), startReceiver()])
  const { hub, client, contact } = world
  await contact('me', { kind: 'webhook', url: receiver.url })
  const sensor: MqttClient = await hub.connect('sensor', await hub.device('sensor'))
  const said = (text: string) => sensor.publishAsync('devices/sensor/alert/door', text, { qos: 1 })
  const raise = (severity = 'warning') => said(JSON.stringify({ severity, message: 'Door open' }))
  const { db } = hub.hub.store
  const row = () => db.selectFrom('alerts').selectAll().executeTakeFirstOrThrow()
  const types = () => receiver.received.map(one => noticeIn(one).type.slice('alert.'.length))
  const timeline = async () => {
    const { id } = await row()
    const { timeline } = await client.get<{ timeline: { action: string }[] }>(`/alerts/${id}/timeline`)
    return timeline.map(({ action }) => action)
  }
  return { ...world, raise, clear: () => said(''), row, db, types, timeline, received: receiver.received }
}

/** Each time told that it is so, and but for the last that it is over. */
const told = ['raised', 'cleared', 'raised', 'cleared', 'raised', 'cleared', 'raised', 'cleared', 'raised']

test('an alert that comes and goes is told five times an hour, and its timeline has all of it', async () => {
  const { raise, clear, row, db, types, timeline, received } = await begin()
  const rests = () => until(async () => ((await row()).notify_at ?? 0) > Date.now() + 3_000_000)
  for (let i = 0; i < 5; i++) {
    await raise()
    await come(received, 2 * i + 1)
    await clear()
    if (i < 4) await come(received, 2 * i + 2)
  }
  for (let i = 0; i < 5; i++) {
    await rests()
    await raise()
    await rests()
    await clear()
  }
  await rests()
  expect(types()).toEqual(told)
  expect(await timeline()).toEqual(
    Array.from({ length: 10 }, (_, i) => [i ? 'raised_again' : 'raised', 'cleared']).flat(),
  )
  // An hour later.
  await db.updateTable('notifications').set({ created_at: 0 }).execute()
  await db.updateTable('alerts').set({ notify_at: Date.now() }).execute()
  await raise()
  await clear()
  await come(received, 10)
})

test('one that becomes worse is told all the same, and what is over is told once', async () => {
  const { raise, clear, row, types, received } = await begin()
  for (let i = 0; i < 5; i++) {
    await raise()
    await come(received, 2 * i + 1)
    await clear()
    if (i < 4) await come(received, 2 * i + 2)
  }
  await raise('critical')
  await come(received, 10)
  await clear()
  await come(received, 11)
  await raise()
  await until(async () => ((await row()).notify_at ?? 0) > Date.now())
  await clear()
  await until(async () => (await row()).notify_at === null)
  expect(types()).toEqual([...told, 'raised', 'cleared'])
})
