import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { trimAlerts } from '../../src/alerts/rows.js'
import { type Heard, publishAgain, startHub, type TestHub, until } from '../helper.js'

interface Shown {
  readonly id: string
  readonly home_id: string
  readonly key: string
  readonly status: string
  readonly severity: string
  readonly times: number
  readonly raised_at: number
  readonly cleared_at: number | null
  readonly closed_by: string | null
  readonly acknowledged_by: string | null
}

let hub: TestHub
let sensor: MqttClient
beforeEach(async () => {
  hub = await startHub()
  sensor = await hub.connect('sensor', await hub.device('sensor'))
})
afterEach(() => hub.close())

const flood = { severity: 'critical', message: 'Water detected', data: { level: 3 } }
const raise = (said: object = flood, key = 'leak') =>
  sensor.publishAsync(`devices/sensor/alert/${key}`, JSON.stringify(said), { qos: 1 })
const clear = (key = 'leak') => sensor.publishAsync(`devices/sensor/alert/${key}`, '', { qos: 1 })
const alerts = async (query = '') => (await hub.client.get<{ alerts: Shown[] }>(`/alerts${query}`)).alerts
const act = async (id: string, what: string, body: object = {}) =>
  (await hub.client.post<{ alert: Shown }>(`/alerts/${id}/${what}`, body)).alert
const timeline = async (id: string) =>
  (
    await hub.client.get<{ timeline: { action: string; actor: string; comment: string | null }[] }>(
      `/alerts/${id}/timeline`,
    )
  ).timeline

async function only(query = ''): Promise<Shown> {
  const [alert, ...more] = await alerts(query)
  if (!alert || more.length > 0) throw new Error(`not one alert but ${more.length + (alert ? 1 : 0)}`)
  return alert
}

test('an alert is there when the device’s message is acknowledged, and raised again it is the same one', async () => {
  await raise()
  expect(await only()).toMatchObject({ key: 'leak', status: 'open', severity: 'critical', times: 1 })
  await raise({ severity: 'warning', message: 'Damp' })
  expect(await only()).toMatchObject({ message: 'Damp', severity: 'warning', times: 2 })
  await raise(flood, 'frost')
  expect(await alerts()).toHaveLength(2)
})

test('one that was acknowledged is closed when it is over, and raised after that it is another', async () => {
  await raise()
  const { id } = await only()
  const { status, acknowledged_by } = await act(id, 'ack', { comment: 'on my way' })
  expect([status, acknowledged_by]).toEqual(['acknowledged', expect.stringMatching(/^person\//)])
  await clear()
  expect(await only()).toMatchObject({ id, status: 'closed', closed_by: 'device/sensor' })
  await raise()
  expect((await alerts('?status=open,acknowledged')).map(alert => alert.id)).not.toContain(id)
  const steps = (await timeline(id)).map(({ action, actor }) => [action, actor.split('/')[0]])
  expect(steps).toEqual([
    ['raised', 'device'],
    ['acknowledged', 'person'],
    ['commented', 'person'],
    ['cleared', 'device'],
    ['closed', 'device'],
  ])
})

test('one that nobody has seen stays when it is over, until somebody acknowledges it', async () => {
  await raise()
  await clear()
  const { id, status, cleared_at } = await only()
  expect([status, cleared_at]).toEqual(['open', expect.any(Number)])
  await raise()
  expect(await only()).toMatchObject({ id, status: 'open', cleared_at: null, times: 2 })
  await clear()
  expect(await act(id, 'ack')).toMatchObject({ status: 'closed' })
})

test('one that was acknowledged is open again when it becomes worse, and not when it is said again', async () => {
  await raise({ severity: 'minor', message: 'Damp' })
  const { id } = await only()
  await act(id, 'ack')
  await raise({ severity: 'minor', message: 'Damp' })
  expect(await only()).toMatchObject({ status: 'acknowledged', times: 2 })
  await raise()
  expect(await only()).toMatchObject({ id, status: 'open', severity: 'critical' })
  expect((await timeline(id)).map(({ action }) => action)).toEqual(['raised', 'acknowledged', 'severity_changed'])
})

test('people escalate, close and comment, and what cannot be done is a conflict', async () => {
  const { home_id } = await hub.client.get<{ device: Shown }>('/devices/sensor').then(({ device }) => device)
  const wanted = { home_id, severity: 'major', message: 'Smell of gas' }
  const { id, key } = (await hub.client.post<{ alert: Shown }>('/alerts', wanted)).alert
  expect(key).toMatch(/^[a-z0-9]{12}$/)
  expect(await act(id, 'escalate')).toMatchObject({ status: 'escalated' })
  expect(await act(id, 'ack')).toMatchObject({ status: 'acknowledged' })
  await expect(act(id, 'ack')).rejects.toMatchObject({ code: 'conflict' })
  expect(await act(id, 'close', { comment: 'aired' })).toMatchObject({ status: 'closed' })
  for (const what of ['ack', 'escalate', 'close'])
    await expect(act(id, what)).rejects.toMatchObject({ code: 'conflict' })
  await act(id, 'comments', { comment: 'the hob was on' })
  expect((await timeline(id)).map(({ comment }) => comment)).toEqual([
    null,
    null,
    null,
    null,
    'aired',
    'the hob was on',
  ])
})

test('what may be said of an alert may be left out, with the body that would hold it', async () => {
  for (const headers of [{}, { 'content-type': 'application/json' }]) {
    await raise()
    const { id } = await only('?status=open')
    for (const what of ['escalate', 'ack', 'close']) {
      const authorized = { ...headers, authorization: `Bearer ${hub.access_token}` }
      const asked = { method: 'POST', headers: authorized }
      expect((await fetch(`${hub.http_url}/api/v1/alerts/${id}/${what}`, asked)).status).toBe(200)
    }
  }
  await raise()
  const { id } = await only('?status=open')
  await expect(act(id, 'ack', { text: 'seen' })).rejects.toMatchObject({
    details: [expect.stringContaining('comment')],
  })
})

const said = (heard: Heard, topic: RegExp) => heard.messages.filter(one => topic.test(one.topic))

test('every change is heard in the home, and an alert is retained until it is closed, also through a restart', async () => {
  const live = await hub.listen('homes/+/alerts')
  await raise()
  const { id, home_id } = await only()
  await act(id, 'ack')
  const changes = await until(() => (live.messages.length === 2 ? live.messages : null))
  const statuses = changes.map(({ payload }) => (JSON.parse(payload) as { alert: Shown }).alert.status)
  expect(statuses).toEqual(['open', 'acknowledged'])
  hub = await hub.restart()
  const topic = `homes/${home_id}/alerts/${id}`
  const late = await hub.listen('homes/+/alerts/+')
  await late.next(one => one.topic === topic && one.retain)
  await act(id, 'close')
  await late.next(one => one.topic === topic && !one.retain && one.payload === '')
  const later = await hub.listen('homes/+/alerts/+', 'homes/+/devices/+/presence')
  await later.next(one => one.topic.endsWith('presence'))
  expect(said(later, /alerts/)).toEqual([])
})

test('alerts go with their device to another home, and with a device that is deleted', async () => {
  await raise()
  const { id } = await only()
  await hub.client.post('/homes', { id: 'elsewhere', name: 'elsewhere' })
  await hub.client.patch('/devices/sensor', { home_id: 'elsewhere' })
  expect(await only('?home_id=elsewhere')).toMatchObject({ id })
  const heard = await hub.listen('homes/+/alerts/+')
  await heard.next(one => one.retain)
  expect(heard.messages.map(({ topic }) => topic)).toEqual([`homes/elsewhere/alerts/${id}`])
  await hub.client.delete('/devices/sensor')
  await heard.next(one => one.payload === '')
  expect(await alerts()).toEqual([])
})

test('of a message that comes again after its alert was closed, no second alert is made', async () => {
  const message = { topic: 'devices/sensor/alert/leak', payload: JSON.stringify(flood), messageId: 4242 }
  await publishAgain(sensor, { ...message, dup: false })
  const { id } = await only()
  await act(id, 'close')
  await publishAgain(sensor, { ...message, dup: true })
  expect(await only()).toMatchObject({ id, status: 'closed', times: 1 })
})

test('a device may have a hundred alerts open; the next is quarantined', async () => {
  const errors: string[] = []
  sensor.on('message', (_, payload) => errors.push(payload.toString()))
  await sensor.subscribeAsync('devices/sensor/errors', { qos: 1 })
  for (let i = 0; i < 101; i++) await raise({ severity: 'info', message: 'x' }, `k${i}`)
  await until(() => errors.length === 1)
  expect(errors[0]).toContain('100 alerts are open')
  await raise({ severity: 'info', message: 'again' }, 'k1')
  expect(await alerts('?limit=1000')).toHaveLength(100)
  expect((await alerts('?key=k1'))[0]).toMatchObject({ times: 2 })
})

test('alerts are listed of a time, from its beginning and without its end', async () => {
  await raise()
  const { raised_at } = await only()
  const keysOf = async (query: string) => (await alerts(query)).map(({ key }) => key)
  expect(await keysOf(`?start_time=${raised_at}&end_time=${raised_at + 1}`)).toEqual(['leak'])
  expect(await keysOf(`?end_time=${raised_at}`)).toEqual([])
  expect(await keysOf(`?start_time=${raised_at + 1}`)).toEqual([])
  expect(await keysOf('?start_time=-1h')).toEqual(['leak'])
})

test('what was closed a year ago is forgotten, with its steps', async () => {
  await raise()
  await raise(flood, 'frost')
  const [{ id } = { id: '' }, kept] = await alerts()
  await act(id, 'close')
  const year = 366 * 86_400_000
  const { db } = hub.hub.store
  await db
    .updateTable('alerts')
    .set({ closed_at: Date.now() - year })
    .where('id', '=', id)
    .execute()
  expect(await trimAlerts(db, Date.now() - year + 1000)).toBe(1)
  expect(await alerts()).toEqual([kept])
  expect(await db.selectFrom('alert_steps').select('alert_id').distinct().execute()).toEqual([{ alert_id: kept?.id }])
})
