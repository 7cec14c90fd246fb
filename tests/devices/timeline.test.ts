import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { maxChanges } from '../../src/devices/timeline.js'
import type { JobContext } from '../../src/jobs/job.js'
import { trimPresenceJob } from '../../src/jobs/trim-presence.js'
import { startHub, type TestHub, until } from '../helper.js'
import { presenceOf, timelineOf } from './presence.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const day = 86_400_000
type Change = { at: number; status: 'online' | 'offline'; session: number }

describe('the timeline of a device', () => {
  test('holds every change with its time, reason and session, written with the change', async () => {
    const key = await hub.device('twin')
    const first = await hub.connect('twin', key)
    await until(async () => (await presenceOf(hub, 'twin')).connected)
    const second = await hub.connect('twin', key)
    await until(() => !first.connected)
    await second.endAsync()
    await until(async () => (await presenceOf(hub, 'twin')).reason === 'clean')
    const changes = await timelineOf(hub, 'twin')
    expect(changes.map(({ status, reason }) => [status, reason])).toEqual([
      ['online', null],
      ['offline', 'takeover'],
      ['online', null],
      ['offline', 'clean'],
    ])
    const [a, b, c, d] = changes.map(({ session }) => session)
    expect([a, c]).toEqual([b, d])
    expect(c).toBeGreaterThan(a ?? 0)
    expect(changes.map(({ at }) => at)).toEqual(changes.map(({ at }) => at).sort((x, y) => x - y))
    expect(await presenceOf(hub, 'twin')).toMatchObject({ since: changes[3]?.at, session: d })
  })

  test('is read in pages and ranges, the newest first', async () => {
    await fill('paged', 250, i => ({ at: i * 1000, status: i % 2 ? 'offline' : 'online', session: i }))
    const pages = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { timeline: Change[]; next_cursor: string | null } = await hub.client.get(
        `/devices/paged/presence/timeline?limit=100${cursor && `&cursor=${cursor}`}`,
      )
      pages.push(page.timeline.map(({ session }) => session))
      cursor = page.next_cursor
    }
    expect(pages.map(page => page.length)).toEqual([100, 100, 50])
    expect(pages.flat()).toEqual(Array.from({ length: 250 }, (_, i) => 249 - i))
    const within = await timelineOf(hub, 'paged', '?start_time=5000&end_time=8000')
    expect(within.map(({ session }) => session)).toEqual([5, 6, 7])
    await expect(timelineOf(hub, 'paged', '?start_time=8000&end_time=5000')).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await expect(timelineOf(hub, 'nowhere')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('keeps a year and the change that held when it began', async () => {
    const now = Date.now()
    const ages = [900, 500, 400, 300, 1]
    await fill('aged', ages.length, i => ({ at: now - (ages[i] ?? 0) * day, status: 'online', session: i }))
    await fill('quiet', 1, () => ({ at: now - 900 * day, status: 'online', session: 7 }))
    await trim(now)
    expect((await timelineOf(hub, 'aged')).map(({ session }) => session)).toEqual([2, 3, 4])
    expect(await timelineOf(hub, 'quiet')).toHaveLength(1)
    const { total } = await hub.client.get<{ total: object }>('/devices/quiet/presence/uptime?start_time=-365d')
    expect(total).toMatchObject({ uptime_percent: 100 })
  })

  test('keeps the newest 10,000 changes of a device that comes and goes', async () => {
    const now = Date.now()
    const surplus = 2345
    await fill('restless', maxChanges + surplus, i => ({ at: now - day + i, status: 'online', session: i }))
    await fill('calm', 10, i => ({ at: now - day + i, status: 'online', session: i }))
    await trim(now)
    const left = await hub.hub.store.db
      .selectFrom('presence_changes')
      .select(eb => [eb.fn.countAll<number>().as('count'), eb.fn.min('session').as('first')])
      .where('device_id', '=', 'restless')
      .executeTakeFirstOrThrow()
    expect(left).toEqual({ count: maxChanges, first: surplus })
    expect(await timelineOf(hub, 'calm')).toHaveLength(10)
  })

  test('goes with its device', async () => {
    await fill('gone', 3, i => ({ at: i, status: 'online', session: i }))
    await hub.client.delete('/devices/gone')
    await hub.device('gone')
    expect(await timelineOf(hub, 'gone')).toEqual([])
    expect(await presenceOf(hub, 'gone')).toMatchObject({ status: 'offline', since: null })
  })
})

/** A device with so many changes, the last of which holds. */
async function fill(id: string, count: number, change: (i: number) => Change): Promise<void> {
  const { db } = hub.hub.store
  await hub.device(id)
  const changes = Array.from({ length: count }, (_, i) => ({ device_id: id, reason: null, ...change(i) }))
  for (let i = 0; i < count; i += 1000)
    await db
      .insertInto('presence_changes')
      .values(changes.slice(i, i + 1000))
      .execute()
  const { at, status, session } = change(count - 1)
  const row = { home_id: 'home', status, since: at, last_seen_at: at, session, wakes_at: null, next_in: null }
  await db
    .insertInto('presence')
    .values({ device_id: id, reason: null, ...row })
    .execute()
  // The row that was written by the trigger, which is there already.
  await db
    .deleteFrom('presence_changes')
    .where('id', '=', eb => eb.selectFrom('presence_changes').select(eb => eb.fn.max('id').as('id')))
    .execute()
}

const trim = (now: number) => trimPresenceJob.run({ store: hub.hub.store } as JobContext, now)
