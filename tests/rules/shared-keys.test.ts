import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'
import { above, makeRule, type ShownAlert, type ShownRule } from './rules.js'

let hub: TestHub
let sensor: MqttClient
beforeEach(async () => {
  hub = await startHub()
  const key = await hub.device('sensor')
  sensor = await hub.connect('sensor', key)
})
afterEach(() => hub.close())

const say = (data: object) => sensor.publishAsync('devices/sensor/telemetry', JSON.stringify(data), { qos: 1 })
const raise = () =>
  sensor.publishAsync('devices/sensor/alert/hot', '{"severity":"warning","message":"so I say"}', { qos: 1 })
const clear = () => sensor.publishAsync('devices/sensor/alert/hot', '', { qos: 1 })

/** The alert of the key that all share, once it fits: there is never another. */
const hot = (fits: (alert: ShownAlert) => boolean) =>
  until(async () => {
    const { alerts } = await hub.client.get<{ alerts: ShownAlert[] }>('/alerts?key=hot')
    expect(alerts.length).toBeLessThanOrEqual(1)
    return alerts.find(fits)
  })

/** Each alert of a rule of its own follows what the rule has made of the reading: then the others have done so too. */
const witness = (field: string, more: object = {}) =>
  makeRule(hub.client, above(5, { field }), { key: `witness-${field}`, ...more })
const witnessed = (field: string, is_cleared: boolean) =>
  until(async () => {
    const { alerts } = await hub.client.get<{ alerts: ShownAlert[] }>(`/alerts?key=witness-${field}`)
    return alerts.some(({ cleared_at }) => (cleared_at !== null) === is_cleared)
  })

const twoRules = (): Promise<ShownRule[]> =>
  Promise.all(['a', 'b'].map(field => makeRule(hub.client, above(5, { field }), { key: 'hot' })))

test('two rules of one key share an alert, which is over when it is so to both', async () => {
  await twoRules()
  await witness('a')
  await say({ a: 9 })
  await say({ b: 9 })
  await hot(({ times }) => times === 2)
  await say({ a: 1 })
  await witnessed('a', true)
  await hot(({ cleared_at }) => cleared_at === null)
  await say({ b: 1 })
  await hot(({ cleared_at }) => cleared_at !== null)
})

test('a rule does not clear what the device itself raised, nor the device what a rule raised', async () => {
  await makeRule(hub.client, above(5, { field: 'a' }), { key: 'hot' })
  await witness('a')
  await raise()
  await say({ a: 9 })
  await hot(({ times }) => times === 2)
  await say({ a: 1 })
  await witnessed('a', true)
  await hot(({ cleared_at }) => cleared_at === null)
  await say({ a: 9 })
  await hot(({ times }) => times === 3)
  await clear()
  await hot(({ cleared_at }) => cleared_at === null)
  await say({ a: 1 })
  await hot(({ cleared_at }) => cleared_at !== null)
})

test('what a person raised under a key, a device does not clear', async () => {
  await hub.client.post('/alerts', { device_id: 'sensor', key: 'hot', severity: 'major', message: 'I smell it' })
  await clear()
  await hot(({ cleared_at }) => cleared_at === null)
  await raise()
  await clear()
  await hot(({ times, cleared_at }) => times === 2 && cleared_at === null)
})

test('through a restart everybody holds what they held; who is gone holds nothing', async () => {
  const [a, b] = await twoRules()
  await say({ a: 9 })
  await say({ b: 9 })
  await raise()
  await hot(({ times }) => times === 3)
  hub = await hub.restart()
  await hub.client.delete(`/alert-rules/${b?.id}`)
  await until(async () => {
    const { raisers } = await hub.hub.store.db.selectFrom('alerts').select('raisers').executeTakeFirstOrThrow()
    return raisers[`rule/${b?.id}`]?.over === 1
  })
  await hot(({ cleared_at, times }) => cleared_at === null && times === 3)
  const { db } = hub.hub.store
  await db.deleteFrom('alert_rules').where('id', '=', String(a?.id)).execute()
  await until(async () => {
    const { raisers } = await db.selectFrom('alerts').select('raisers').executeTakeFirstOrThrow()
    return raisers[`rule/${a?.id}`]?.over === 1
  })
  await hot(({ cleared_at }) => cleared_at === null)
})
