import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../config/config.js'
import type { Job, JobContext } from '../../src/jobs/job.js'
import { trimLogsJob } from '../../src/jobs/trim-logs.js'
import { trimQuarantineJob } from '../../src/jobs/trim-quarantine.js'
import { trimTokensJob } from '../../src/jobs/trim-tokens.js'
import { presencesOf } from '../devices/presence.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
beforeEach(async () => {
  hub = await startHub()
})
afterEach(() => hub.close())

const day = 86_400_000
const told = async () => (await hub.client.call('GET /ops/jobs')).jobs
const rows = () => hub.hub.store.db.selectFrom('jobs').selectAll().orderBy('name').execute()

/** Runs a job that needs nothing but the store. */
const run = (job: Job, now: number) => {
  const { store } = hub.hub
  return job.run({ config: loadConfig({}), store } as JobContext, now)
}

test('every job leaves a row of its last run, and at a first start all of them run', async () => {
  // What may ask servers elsewhere goes on behind the start.
  const names = await until(async () => {
    const found = (await rows()).map(({ name }) => name)
    return found.includes('recordings') && found.includes('trim-recordings') ? found : null
  })
  expect(names).toEqual([
    'alive',
    'close-alerts',
    'command-expiry',
    'command-schedules',
    'overdue',
    'presence',
    'recordings',
    'retention',
    'seen',
    'trim-alerts',
    'trim-logs',
    'trim-notifications',
    'trim-presence',
    'trim-quarantine',
    'trim-recordings',
    'trim-sessions',
    'trim-state',
    'trim-tokens',
    'wal-checkpoint',
  ])
  for (const { last_error, duration_ms } of await rows()) {
    expect(last_error).toBeNull()
    expect(duration_ms).toBeGreaterThanOrEqual(0)
  }
  const jobs = await told()
  expect(jobs.map(({ name }) => name).sort()).toEqual(names)
  for (const { name, last_run_at, last_error, next_run_at } of jobs) {
    expect([name, last_error]).toEqual([name, null])
    expect(Date.now() - (last_run_at ?? 0)).toBeLessThan(60_000)
    expect(next_run_at).toBeGreaterThan(last_run_at ?? 0)
    expect(next_run_at).toBeLessThanOrEqual(Date.now() + day)
  }
})

test('a start makes up for a run that was missed, and does not repeat one that was not', async () => {
  const { db } = hub.hub.store
  const before = Date.now()
  await db
    .updateTable('jobs')
    .set({ last_run_at: before - 25 * 3_600_000 })
    .where('name', '=', 'trim-tokens')
    .execute()
  const logs = (await rows()).find(({ name }) => name === 'trim-logs')
  hub = await hub.restart()
  const again = new Map((await rows()).map(row => [row.name, row.last_run_at]))
  expect(again.get('trim-tokens')).toBeGreaterThanOrEqual(before)
  expect(again.get('trim-logs')).toBe(logs?.last_run_at)
})

test('a job that fails is logged and recorded, and runs again', async () => {
  const { db } = hub.hub.store
  await db.schema.alterTable('commands').renameTo('commands_away').execute()
  const failed = await until(async () => (await rows()).find(({ last_error }) => last_error !== null))
  expect(failed).toMatchObject({ name: 'command-expiry', last_error: expect.stringContaining('commands') })
  const expiry = async () => (await told()).find(({ name }) => name === 'command-expiry')
  expect(await expiry()).toMatchObject({ last_error: failed.last_error })
  expect(hub.logged.some(line => line.includes('a job failed') && line.includes('command-expiry'))).toBe(true)
  await db.schema.alterTable('commands_away').renameTo('commands').execute()
  await until(async () => (await expiry())?.last_error === null)
  await hub.device('late')
  const { command } = await hub.client.post<{ command: { id: string } }>('/devices/late/commands', {
    name: 'x',
    ttl_seconds: 1,
  })
  await until(async () => {
    const now = await hub.client.get<{ command: { status: string } }>(`/commands/${command.id}`)
    return now.command.status === 'expired'
  })
})

describe('trimming removes what is too old, however much it is, and nothing else', () => {
  test('of log lines and heartbeats', async () => {
    await hub.device('old')
    const { db } = hub.hub.store
    const now = Date.now()
    const common = { device_id: 'old', home_id: 'home' }
    const lines = Array.from({ length: 2500 }, (_, i) => {
      const age = i < 2300 ? 8 * day : 6 * day
      return { ...common, received_at: now - age, level: 'info' as const, message: `line ${i}` }
    })
    await Promise.all(lines.map(line => db.insertInto('device_log').values(line).execute()))
    await db
      .insertInto('heartbeats')
      .values({ ...common, received_at: now - 8 * day, vitals: {} })
      .execute()
    expect(await run(trimLogsJob, now)).toBe(2301)
    const left = await db.selectFrom('device_log').select('message').execute()
    expect(left).toHaveLength(200)
  })

  test('of quarantined messages, and the surplus of one device', async () => {
    await hub.device('noisy')
    const { db } = hub.hub.store
    const now = Date.now()
    const insert = (id: string, received_at: number) => {
      const message = {
        id,
        device_id: 'noisy',
        home_id: 'home',
        topic: 'telemetry',
        payload: Buffer.from('x'),
        reason: 'invalid_payload',
        message: 'x',
      }
      return db
        .insertInto('quarantine')
        .values({ ...message, received_at, replayed_at: null })
        .execute()
    }
    await insert('0-old', now - 31 * day)
    await Promise.all(Array.from({ length: 1010 }, (_, i) => insert(`1-${String(i).padStart(5, '0')}`, now - day)))
    expect(await run(trimQuarantineJob, now)).toBe(11)
    const left = await db.selectFrom('quarantine').select('id').orderBy('id').execute()
    expect([left.length, left[0]?.id]).toEqual([1000, '1-00010'])
  })

  test('of refresh tokens, and of the sessions that have none left', async () => {
    const { db } = hub.hub.store
    const count = async () => [
      (await db.selectFrom('sessions').select('id').execute()).length,
      (await db.selectFrom('refresh_tokens').select('hash').execute()).length,
    ]
    expect(await count()).toEqual([1, 1])
    await run(trimTokensJob, Date.now() + 29 * day)
    expect(await count()).toEqual([1, 1])
    await run(trimTokensJob, Date.now() + 31 * day)
    expect(await count()).toEqual([0, 0])
  })
})

test('presence rows that were falsified are brought back to what the sockets say, and told', async () => {
  const key = await hub.device('truth')
  await hub.device('ghost')
  await hub.connect('truth', key)
  const { store } = hub.hub
  const row = async (id: string) =>
    store.db.selectFrom('presence').selectAll().where('device_id', '=', id).executeTakeFirst()
  const online = await until(async () => {
    const found = await row('truth')
    return found?.status === 'online' ? found : null
  })
  await store.db.updateTable('presence').set({ status: 'offline' }).execute()
  await store.db
    .insertInto('presence')
    .values({ ...online, device_id: 'ghost' })
    .execute()
  const told: string[] = []
  const publish = async (topic: string, payload: string) =>
    void told.push(`${topic.split('/')[3]} ${JSON.parse(payload).status}`)
  const device = { kind: 'device', id: 'truth', num: 1, home_id: 'home', key_id: '', expires_at: null } as const
  const { session, since } = online
  const live = [{ device, session, connected_at: since, address: '127.0.0.1', transport: 'tcp' } as const]
  await presencesOf(store, publish).reconcile(() => live)
  expect((await row('truth'))?.status).toBe('online')
  expect(await row('ghost')).toMatchObject({ status: 'offline', reason: 'network' })
  expect(told.sort()).toEqual(['ghost offline', 'truth online'])
})
