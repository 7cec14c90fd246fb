import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { publishPacket, Raw } from '../broker/raw.js'
import { heartbeatOverHttp, presenceOf, timelineOf } from '../devices/presence.js'
import { until } from '../helper.js'
import { look } from '../store/harness.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'

/** A hub in a process of its own, and what is asked of it. */
async function started(data_dir: string, env: Record<string, string> = {}) {
  const hub = await startChild(data_dir, env)
  onTestFinished(() => hub.end('SIGKILL').then(() => undefined))
  return { hub, http_url: `http://127.0.0.1:${hub.file.http_port}`, ...(await clientOf(hub)) }
}

async function directory(): Promise<string> {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-presence-'))
  onTestFinished(() => rm(data_dir, { recursive: true, force: true }))
  return data_dir
}

/** What is retained on a device's presence topic. */
async function retained({ hub, access_token: password }: Awaited<ReturnType<typeof started>>, id: string) {
  const url = `mqtt://127.0.0.1:${hub.file.mqtt_port}`
  const person = await mqtt.connectAsync(url, { clientId: 'user-test', username: 'test', password })
  const message = new Promise<string>(resolve => person.once('message', (_, payload) => resolve(payload.toString())))
  await person.subscribeAsync(`homes/home/devices/${id}/presence`)
  const presence: unknown = JSON.parse(await message)
  await person.endAsync()
  return presence
}

test('after kill -9 nobody is connected, and who was is offline since the hub’s last sign of life', async () => {
  const data_dir = await directory()
  const first = await started(data_dir)
  const keys = await makeDevices(first.hub, 2)
  const connect = async (id: string) => {
    new Raw(first.hub.file.mqtt_port).connect(id, { password: Buffer.from(keys.get(id) ?? '') })
    return until(async () => {
      const { connected, since } = await presenceOf(first, id)
      return connected ? since : null
    })
  }
  const silent_since = await connect('d0')
  // It says nothing more, so that the hub leaves a sign of its own, and does so twice.
  const sign = () => Number(look(join(data_dir, 'hearth.db'), 'select max(written_at) from probe'))
  const one = await until(sign, 30_000)
  const other = await until(() => sign() > one && sign(), 30_000)
  expect(Number(other) - one).toBeGreaterThan(5000)
  const newest = await connect('d1')
  const killed_at = Date.now()
  await first.hub.end('SIGKILL')
  const second = await started(data_dir, portsOf(first.hub))
  const [d0, d1] = [await presenceOf(second, 'd0'), await presenceOf(second, 'd1')]
  for (const presence of [d0, d1]) {
    expect(presence).toMatchObject({ status: 'offline', reason: 'hub_restart', connected: false })
    expect(presence.since).toBeGreaterThanOrEqual(Number(other))
    expect(presence.since).toBeGreaterThanOrEqual(newest)
    expect(presence.since).toBeLessThanOrEqual(killed_at)
  }
  expect((await timelineOf(second, 'd0')).map(({ status, reason, at }) => [status, reason, at])).toEqual([
    ['online', null, silent_since],
    ['offline', 'hub_restart', d0.since],
  ])
  expect(await second.client.get('/devices?connected=true')).toMatchObject({ devices: [] })
  expect(await retained(second, 'd0')).toEqual({
    status: 'offline',
    since: d0.since,
    reason: 'hub_restart',
    last_seen_at: d0.last_seen_at,
  })
}, 90_000)

test('who sleeps sleeps on when the hub is stopped or killed, and is overdue when it does not come back', async () => {
  const data_dir = await directory()
  let running = await started(data_dir)
  const keys = await makeDevices(running.hub, 4)
  const [clean = '', http = '', long = '', awake = ''] = keys.values()
  new Raw(running.hub.file.mqtt_port).connect('d3', { password: Buffer.from(awake) })
  await until(async () => (await presenceOf(running, 'd3')).connected)
  const sleeper = new Raw(running.hub.file.mqtt_port).connect('d0', { password: Buffer.from(clean) })
  sleeper.send(publishPacket('devices/d0/heartbeat', 1, '{"next_in":2000}'), { cmd: 'disconnect' })
  await heartbeatOverHttp(running, http, { next_in: 2000 })
  await heartbeatOverHttp(running, long, { next_in: 3_600_000 })
  const asleep = async (id: string) => (await presenceOf(running, id)).status === 'sleeping'
  const sleepers = ['d0', 'd1', 'd2']
  for (const id of sleepers) await until(() => asleep(id))
  const before = await presenceOf(running, 'd0')
  expect(before).toMatchObject({ reason: 'clean' })
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await running.hub.end(signal)
    running = await started(data_dir)
    for (const id of sleepers) expect(await asleep(id)).toBe(true)
    expect(await presenceOf(running, 'd0')).toEqual(before)
    expect(await presenceOf(running, 'd3')).toMatchObject({ status: 'offline', reason: 'shutdown' })
  }
  const { status, since, reason, last_seen_at } = before
  expect(await retained(running, 'd0')).toEqual({ status, since, reason, last_seen_at })
  for (const id of ['d0', 'd1']) {
    await until(async () => !(await asleep(id)), 60_000)
    expect(await presenceOf(running, id)).toMatchObject({ status: 'offline', reason: 'overdue', connected: false })
  }
  expect(await asleep('d2')).toBe(true)
}, 90_000)
