import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Heard, publishAgain, startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let device: MqttClient
let heard: Heard
beforeAll(async () => {
  hub = await startHub()
  device = await hub.connect('r', await hub.device('r'))
  heard = await hub.listen('homes/home/devices/r/#')
})
afterAll(() => hub.close())

const say = (rest: string, message: unknown) =>
  device.publishAsync(`devices/r/${rest}`, typeof message === 'string' ? message : JSON.stringify(message), { qos: 1 })
const list = async <T>(what: string, name = what) =>
  (await hub.client.get<Record<string, T[] | undefined>>(`/devices/r/${what}`))[name] ?? []

test('a hello is kept with the device, and answered with the time and its zone', async () => {
  const time: { now: number; timezone: string }[] = []
  device.on('message', (_, payload) => time.push(JSON.parse(payload.toString())))
  await device.subscribeAsync('devices/r/time', { qos: 1 })
  await say('hello', { firmware_version: '1.4.2', model: 'M1', metrics: { temperature: { unit: '°C' } }, unknown: 1 })
  const { now, timezone } = await until(() => time[0])
  expect(Math.abs(now - Date.now())).toBeLessThan(5000)
  expect(new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone).toBe(timezone)
  const shown = await hub.client.get<{ device: object }>('/devices/r')
  expect(shown.device).toMatchObject({ firmware_version: '1.4.2', model: 'M1' })
})

test('heartbeats are listed, and the newest gives the firmware', async () => {
  await say('heartbeat', { uptime: 1, rssi: -60 })
  await say('heartbeat', { uptime: 2, battery: null, firmware_version: '1.5.0' })
  const beats = await list<{ vitals: object }>('heartbeats')
  expect(beats.map(({ vitals }) => vitals)).toMatchObject([{ uptime: 2 }, { uptime: 1 }])
  const shown = await hub.client.get<{ device: object }>('/devices/r')
  expect(shown.device).toMatchObject({ firmware_version: '1.5.0' })
  await heard.next(({ topic }) => topic.endsWith('/heartbeat'))
})

test('an event is kept with its own time when that can be believed, and forwarded', async () => {
  const ts = Date.now() - 60_000
  await say('event', { type: 'button', ts })
  await say('event', { type: 'future', ts: Date.now() + 86_400_000 })
  await say('event', '"just text"')
  const events = await list<{ ts: number; data: unknown }>('events')
  expect(events.find(event => event.ts === ts)?.data).toMatchObject({ type: 'button' })
  expect(events.every(event => event.ts <= Date.now())).toBe(true)
  expect(events.map(({ data }) => data)).toContain('just text')
  await heard.next(({ topic, payload }) => topic.endsWith('/event') && payload.includes('button'))
})

test('an alert is kept when it is raised and when it is cleared', async () => {
  await say('alert/leak', { severity: 'critical', message: 'Water detected', data: { level: 3 } })
  await say('alert/leak', '')
  const events = await list<{ kind: string; data: unknown }>('events')
  const alerts = events.filter(({ kind }) => kind === 'alert/leak')
  expect(alerts.map(({ data }) => data)).toMatchObject([null, { severity: 'critical' }])
})

test('a log line is kept with its level', async () => {
  await say('log', { level: 'warn', message: 'voltage low' })
  expect(await list('log')).toMatchObject([{ level: 'warn', message: 'voltage low' }])
})

test('what is said again with DUP after a lost link is kept once', async () => {
  const count = async () => (await list('events')).length
  const before = await count()
  for (const dup of [false, true])
    await publishAgain(device, { topic: 'devices/r/event', payload: '{"once":true}', messageId: 4242, dup })
  expect(await count()).toBe(before + 1)
})
