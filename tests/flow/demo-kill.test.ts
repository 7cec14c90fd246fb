import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { until } from '../helper.js'
import { look } from '../store/harness.js'
import { type ChildHub, startChild } from './child.js'

const startDemo = (data_dir: string) => startChild(data_dir, {}, ['start', '--demo'])

const linkOf = (hub: ChildHub) => /#sign-in=(link\.[\w-]+)/.exec(hub.log())?.[1]

test('a demo that is killed while its past is made goes on with it at the next start, and its link signs in once', async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-demo-'))
  const file = join(data_dir, 'hearth.db')
  let hub = await startDemo(data_dir)
  onTestFinished(async () => {
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  const samples = (where = 'true') =>
    Number(look(file, `select count(*) from telemetry join devices on num = device_num where ${where}`))
  const begins = () =>
    JSON.parse(
      String(look(file, 'select json_group_array(at) from (select min(ts) as at from telemetry group by device_num)')),
    )
  await until(() => samples() > 5000)
  await hub.end('SIGKILL')
  const [there, begun] = [samples(), begins()]
  expect(there).toBeLessThan(120_000)
  console.log(`killed with ${there} samples`)

  hub = await startDemo(data_dir)
  const token = await until(() => linkOf(hub), 60_000)
  expect(begins()).toEqual(expect.arrayContaining(begun))
  // Of a device that samples each minute, a month has so many, and a few where something happened.
  const minutes = samples(`id = 'demo-meter' and ts % 60000 = 0`)
  expect(minutes).toBeGreaterThanOrEqual(30 * 1440 - 60)
  expect(minutes).toBeLessThanOrEqual(30 * 1440 + 1)
  const events = "from events where device_id = 'demo-lock'"
  expect(look(file, `select count(*) - count(distinct ts || data) ${events}`)).toBe(0)
  expect(look(file, `select count(*) from alerts where key = 'too-warm'`)).toBe(1)

  const url = `http://127.0.0.1:${hub.file.http_port}`
  const follow = () =>
    new HearthClient({ url }).post<{ user: { role: string } }>('/auth/refresh', { refresh_token: token })
  expect((await follow()).user.role).toBe('admin')
  await expect(follow()).rejects.toMatchObject({ code: 'unauthorized' })
  expect(await hub.end('SIGTERM')).toBe(0)
}, 120_000)
