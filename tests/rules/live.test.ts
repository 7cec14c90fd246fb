import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHub, type TestHub, until } from '../helper.js'
import { above, alertsOf, alertWhich, isActive, isCleared, makeRule } from './rules.js'

let hub: TestHub
let sensor: MqttClient
beforeEach(async () => {
  hub = await startHub()
  sensor = await hub.connect('sensor', await hub.device('sensor', { name: 'Boiler', type: 'boiler' }))
})
afterEach(() => hub.close())

const say = (rest: string, said: unknown, client = sensor, id = 'sensor') =>
  client.publishAsync(`devices/${id}/${rest}`, JSON.stringify(said), { qos: 1 })
const active = () => alertWhich(hub.client, isActive)
const cleared = () => alertWhich(hub.client, isCleared)

test('a reading that breaks a rule raises its alert, live, and one that does not clears it', async () => {
  const rule = await makeRule(hub.client, above(5), {
    severity: 'critical',
    message: '{device}: {field} is {value}',
  })
  const person = await hub.listen('homes/home/alerts')
  await say('telemetry', { t: 4 })
  await say('telemetry', { t: 6.5 })
  const { payload } = await person.next(({ payload }) => payload.includes('"cleared_at":null'))
  expect(JSON.parse(payload).alert).toMatchObject({
    device_id: 'sensor',
    key: `rule-${rule.id}`,
    source: 'rule',
    rule_id: rule.id,
    severity: 'critical',
    message: 'Boiler: t is 6.5',
    data: { reason: 't is 6.5, above 5', values: { t: 6.5 } },
  })
  await say('telemetry', { t: 5 })
  await person.next(({ payload }) => JSON.parse(payload).alert.cleared_at !== null)
  await say('telemetry', { t: 7 })
  expect(await alertWhich(hub.client, ({ times }) => times === 2)).toMatchObject({ cleared_at: null })
})

test('what lasts is raised when it has lasted, though nothing more is said', async () => {
  await makeRule(hub.client, above(5, { for_seconds: 0.3 }))
  await say('telemetry', { t: 6 })
  const { readings } = { readings: await hub.client.get<{ telemetry: { ts: number }[] }>('/telemetry/sensor') }
  expect((await active()).raised_at).toBe((readings.telemetry[0]?.ts ?? 0) + 300)
})

test('silence is noticed, and over with anything that is said', async () => {
  await makeRule(hub.client, { type: 'no_data', seconds: 1 })
  await active()
  await say('log', { message: 'still there' })
  await cleared()
})

test('who sleeps is not silent', async () => {
  await say('heartbeat', { next_in: 60_000 })
  await sensor.endAsync()
  await until(
    async () =>
      (await hub.client.get<{ device: { presence: string } }>('/devices/sensor')).device.presence === 'sleeping',
  )
  await makeRule(hub.client, { type: 'no_data', seconds: 1 }, { key: 'silence' })
  await hub.device('other')
  await alertWhich(hub.client, ({ device_id }) => device_id === 'other')
  expect((await alertsOf(hub.client)).map(({ device_id }) => device_id)).toEqual(['other'])
})

test('a state, events and alerts of the device itself break rules', async () => {
  await makeRule(hub.client, { type: 'state', path: 'door.open', equals: true }, { key: 'door' })
  await makeRule(hub.client, { type: 'events', name: 'bell', count: 2, window_seconds: 60 }, { key: 'bell' })
  await makeRule(hub.client, { type: 'events', kind: 'alert/leak', window_seconds: 60 }, { key: 'leaks' })
  await say('state', { door: { open: true, by: 'hand' } })
  await say('event', { type: 'bell' })
  await say('event', { type: 'knock' })
  await say('event', { type: 'bell' })
  await say('alert/leak', { severity: 'major', message: 'wet' })
  await until(async () => (await alertsOf(hub.client)).length === 3)
  await say('state', { door: { open: false } })
  expect(await cleared()).toMatchObject({ key: 'door' })
})

test('texts and booleans of readings are compared as what they are', async () => {
  await makeRule(hub.client, { type: 'threshold', field: 'mode', equals: 'jam' }, { key: 'mode' })
  await makeRule(hub.client, { type: 'threshold', field: 'wet', equals: true }, { key: 'wet' })
  await say('telemetry', { mode: 'run', wet: 1 })
  await say('telemetry', { mode: 'jam', wet: true })
  await until(async () => (await alertsOf(hub.client)).length === 2)
})

test('a rule that is made when it is so already raises its alert', async () => {
  await say('telemetry', { t: 9 })
  await makeRule(hub.client, above(5))
  expect(await active()).toMatchObject({ data: { values: { t: 9 } } })
})

test('a rule that is switched off, or changed so that it is over, clears its alert', async () => {
  const { id } = await makeRule(hub.client, above(5))
  await say('telemetry', { t: 9 })
  await active()
  await hub.client.patch(`/alert-rules/${id}`, { condition: above(10) })
  await cleared()
  await hub.client.patch(`/alert-rules/${id}`, { condition: above(8) })
  await active()
  await hub.client.patch(`/alert-rules/${id}`, { enabled: false })
  await cleared()
  await hub.client.patch(`/alert-rules/${id}`, { enabled: true })
  await active()
  await hub.client.delete(`/alert-rules/${id}`)
  await cleared()
})

test('a rule that does not clear leaves its alert to people', async () => {
  await makeRule(hub.client, above(5), { auto_clear: false })
  await say('telemetry', { t: 9 })
  await active()
  await say('telemetry', { t: 1 })
  await say('telemetry', { t: 9 })
  expect(await alertWhich(hub.client, ({ times }) => times === 2)).toMatchObject({ cleared_at: null })
})

test('a rule of a group or a type applies to whoever is in it, and follows the changes', async () => {
  const { group } = await hub.client.post<{ group: { id: string } }>('/groups', { name: 'g' })
  await makeRule(hub.client, above(5), { group_id: group.id, key: 'of-group' })
  await makeRule(hub.client, above(5), { type: 'oven', key: 'of-type' })
  await say('telemetry', { t: 9 })
  await hub.client.post(`/groups/${group.id}/devices/sensor`)
  expect(await active()).toMatchObject({ key: 'of-group' })
  await hub.client.delete(`/groups/${group.id}/devices/sensor`)
  await cleared()
  await hub.client.patch('/devices/sensor', { type: 'oven' })
  expect(await active()).toMatchObject({ key: 'of-type' })
})

test('rules of a home are of its devices alone: one that moves away is no more theirs', async () => {
  await hub.client.post('/homes', { id: 'other', name: 'Other' })
  await makeRule(hub.client, above(5))
  await say('telemetry', { t: 9 })
  await active()
  await hub.client.patch('/devices/sensor', { home_id: 'other' })
  await cleared()
})

test('readings from before that come late, or in an import, raise nothing', async () => {
  await makeRule(hub.client, above(5), { key: 'a' })
  await say('telemetry', { t: 1 })
  await say('telemetry', { ts: Date.now() - 60_000, data: { t: 9 } })
  const lines = JSON.stringify({ ts: Date.now() - 3_600_000, data: { t: 9 } })
  const headers = { authorization: `Bearer ${hub.access_token}`, 'content-type': 'application/x-ndjson' }
  await fetch(`${hub.http_url}/api/v1/telemetry/sensor/import`, { method: 'POST', body: lines, headers })
  await makeRule(hub.client, above(0), { key: 'b' })
  await alertWhich(hub.client, ({ key }) => key === 'b')
  expect(await alertsOf(hub.client)).toHaveLength(1)
})

test('an alert that somebody has closed is not raised again by what goes on, not even by a start', async () => {
  await makeRule(hub.client, above(5))
  await say('telemetry', { t: 9 })
  const { id } = await active()
  await hub.client.post(`/alerts/${id}/close`, {})
  await say('telemetry', { t: 10 })
  hub = await hub.restart()
  expect(await alertsOf(hub.client)).toMatchObject([{ id, status: 'closed', times: 1 }])
})

test('what is so before and after a restart is one alert, which clears when it is over', async () => {
  const key = await hub.device('probe')
  await makeRule(hub.client, above(5, { clear_at: 3 }), { device_id: 'probe' })
  const probe = await hub.connect('probe', key)
  await say('telemetry', { t: 9 }, probe, 'probe')
  await active()
  await say('telemetry', { t: 4 }, probe, 'probe')
  hub = await hub.restart()
  const again = await hub.connect('probe', key)
  await say('telemetry', { t: 4 }, again, 'probe')
  expect(await active()).toMatchObject({ times: 1 })
  await say('telemetry', { t: 2 }, again, 'probe')
  await cleared()
})
