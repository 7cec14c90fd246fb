import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DueContext, giveDue } from '../../src/commands/due.js'
import { lastRun, nextRun } from '../../src/commands/schedules.js'
import { field, type Started, startApi } from '../api/harness.js'
import { startHub, until } from '../helper.js'
import { becomes, listening } from './obedient.js'

const paris = { at: null, timezone: 'Europe/Paris' }
const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
const nextOf = (cron: string, after: string) => iso(nextRun({ ...paris, cron }, Date.parse(after)))

describe('a plan is due', () => {
  test.each([
    [
      'every weekday at 18:00, before the clocks go back',
      '0 18 * * 1-5',
      '2026-10-23T10:00Z',
      '2026-10-23T16:00:00.000Z',
    ],
    ['and the same hour after it', '0 18 * * 1-5', '2026-10-23T16:00Z', '2026-10-26T17:00:00.000Z'],
    [
      'at 2:30 of the day that has none, when the clocks have gone forward',
      '30 2 * * *',
      '2026-03-28T12:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    ['at the first 2:30 of the day that has two', '30 2 * * *', '2026-10-24T12:00Z', '2026-10-25T00:30:00.000Z'],
    ['and not at the second', '30 2 * * *', '2026-10-25T00:30Z', '2026-10-26T01:30:00.000Z'],
  ])('%s', (_, cron, after, expected) => expect(nextOf(cron, after)).toBe(expected))

  test('once, when it has a time', () => {
    expect(nextRun({ at: 5, cron: null, timezone: 'UTC' }, 4)).toBe(5)
    expect(nextRun({ at: 5, cron: null, timezone: 'UTC' }, 5)).toBeNull()
  })

  test('for the last of what was missed alone', () => {
    const due = Date.parse('2026-10-23T16:00Z')
    const back = Date.parse('2026-10-28T20:00Z')
    expect(iso(lastRun({ ...paris, cron: '0 18 * * 1-5' }, due, back))).toBe('2026-10-28T17:00:00.000Z')
    expect(lastRun({ ...paris, cron: '0 18 * * 1-5' }, due, due)).toBe(due)
  })
})

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const call = (method: string, path: string, body?: unknown) => hub.call(method, `/api/v1${path}`, { body })
const commandsOf = async (id: string) =>
  ((await call('GET', `/devices/${id}/commands`)).body as { commands: { issued_at: number; batch_id: string }[] })
    .commands
const context = (mayCommand: DueContext['mayCommand'] = async () => true): DueContext => ({
  db: hub.store.db,
  commands: hub.commands,
  mayCommand,
  also: async () => undefined,
})
const plan = async (id: string, body: object) => {
  const made = await call('POST', `/devices/${id}/schedules`, { name: 'on', timezone: 'UTC', ...body })
  expect(made.status).toBe(201)
  return field(made.body, 'schedule', 'id')
}
const read = async (id: string) => (await call('GET', `/schedules/${id}`)).body
const later = (ms: number) => Date.now() + ms

describe('a scheduled command', () => {
  test('is given at its time and not before, once, also when the hub dies right after', async () => {
    await hub.device('porch')
    const at = later(60_000)
    const id = await plan('porch', { at })
    await giveDue(context(), at - 1)
    expect(await commandsOf('porch')).toEqual([])
    await giveDue(context(), at)
    // As if the command had been committed, and the plan's next time had not.
    await hub.store.db
      .updateTable('command_schedules')
      .set({ next_at: at, status: 'active' })
      .where('id', '=', id)
      .execute()
    await giveDue(context(), at + 1000)
    expect(await commandsOf('porch')).toMatchObject([{ issued_at: at, schedule_id: id, issued_by: hub.user.id }])
    expect(await read(id)).toMatchObject({ schedule: { status: 'done', next_at: null, last_at: at } })
  })

  test('that comes again and again is planned on, and expires when nobody was there to give it', async () => {
    await hub.device('heater')
    const id = await plan('heater', { cron: '0 18 * * *', ttl_seconds: 60 })
    const { schedule } = (await read(id)) as { schedule: { next_at: number } }
    const day = 86_400_000
    await giveDue(context(), schedule.next_at + 3 * day + 3_600_000)
    expect(await read(id)).toMatchObject({
      schedule: { status: 'active', next_at: schedule.next_at + 4 * day, last_at: schedule.next_at + 3 * day },
    })
    await hub.commands.expire(schedule.next_at + 3 * day + 3_600_000)
    expect(await commandsOf('heater')).toMatchObject([{ status: 'expired', issued_at: schedule.next_at + 3 * day }])
  })

  test('is not given while it is paused, and from now on when it goes on', async () => {
    await hub.device('fan')
    const id = await plan('fan', { cron: '* * * * *' })
    expect((await call('PATCH', `/schedules/${id}`, { status: 'paused' })).status).toBe(200)
    await giveDue(context(), later(600_000))
    expect(await commandsOf('fan')).toEqual([])
    const resumed = await call('PATCH', `/schedules/${id}`, { status: 'active', params: { speed: 2 } })
    expect(resumed.body).toMatchObject({
      schedule: { status: 'active', next_at: expect.any(Number), params: { speed: 2 } },
    })
    expect((await call('DELETE', `/schedules/${id}`)).status).toBe(204)
    expect((await call('GET', `/schedules/${id}`)).status).toBe(404)
  })

  test('is given to every device of a group as one order', async () => {
    for (const id of ['left', 'right']) await hub.device(id)
    const made = await call('POST', '/groups', { name: 'lamps' })
    const group = field(made.body, 'group', 'id')
    for (const id of ['left', 'right']) await call('POST', `/groups/${group}/devices/${id}`)
    const at = later(60_000)
    expect((await call('POST', `/groups/${group}/schedules`, { name: 'off', at })).status).toBe(201)
    await giveDue(context(), at)
    const [[left], [right]] = [await commandsOf('left'), await commandsOf('right')]
    expect(left).toMatchObject({ batch_id: expect.any(String) })
    expect(right).toMatchObject({ batch_id: left?.batch_id })
  })

  test('is not given any more when who planned it may not', async () => {
    await hub.device('door')
    const at = later(60_000)
    const id = await plan('door', { at })
    await giveDue(
      context(async () => false),
      at,
    )
    expect(await commandsOf('door')).toEqual([])
    expect(await read(id)).toMatchObject({ schedule: { last_error: expect.stringContaining('may not command') } })
  })

  test.each([
    ['a time that has passed', { at: 1000 }],
    ['a line that is none', { cron: 'every day' }],
    ['a date as a line', { cron: '2099-01-01T00:00:00' }],
    ['seconds', { cron: '* * * * * *' }],
    ['a day that never comes', { cron: '0 0 31 2 *' }],
    ['both', { at: later(60_000), cron: '* * * * *' }],
    ['neither', {}],
    ['no time zone', { cron: '* * * * *', timezone: 'Mars/Olympus' }],
  ])('with %s is refused', async (_, body) => {
    await hub.device('strict').catch(() => undefined)
    const answer = await call('POST', '/devices/strict/schedules', { name: 'on', ...body })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test.each([
    ['every day', 'this is 2'],
    ['* * * * * *', 'this is 6'],
    ['2099-01-01T00:00:00Z', 'this is one'],
    ['@never', 'this is one'],
    ['60 18 * * *', '60 is no minute'],
    ['0 18 * * fry', 'fry is no weekday'],
    ['0 0 0 * *', '0 is no day'],
  ])('by %s is refused in words that fit', async (cron, why) => {
    await hub.device('worded').catch(() => undefined)
    const { body } = await call('POST', '/devices/worded/schedules', { name: 'on', cron })
    const wanted = 'cron: wants five fields (minute hour day month weekday), like 0 18 * * 1-5'
    expect(body).toMatchObject({ details: [`${wanted}; ${why}`] })
  })

  test.each([
    ['2099-01-01T00:00:00Z', Date.UTC(2099, 0, 1)],
    ['2099-01-01T00:00:00+02:00', Date.UTC(2098, 11, 31, 22)],
    [String(Date.UTC(2099, 0, 1)), Date.UTC(2099, 0, 1)],
  ])('may have its time as %s, and answers milliseconds', async (at, ms) => {
    await hub.device('dated').catch(() => undefined)
    const id = await plan('dated', { at })
    expect(await read(id)).toMatchObject({ schedule: { at: ms, next_at: ms } })
    const moved = await call('PATCH', `/schedules/${id}`, { at: '2098-06-01' })
    expect(moved.body).toMatchObject({ schedule: { at: Date.UTC(2098, 5, 1) } })
  })

  test.each(['tomorrow', true, 1.5])('with the time %j is refused, and told what a time is', async at => {
    await hub.device('dated').catch(() => undefined)
    const { status, body } = await call('POST', '/devices/dated/schedules', { name: 'on', at })
    expect([status, body]).toMatchObject([
      400,
      { details: [expect.stringContaining('body/at: is no time: milliseconds')] },
    ])
  })

  test('is one of at most a hundred of a device', async () => {
    await hub.device('full')
    for (let i = 0; i < 100; i++) await plan('full', { cron: '* * * * *' })
    expect((await call('POST', '/devices/full/schedules', { name: 'on', cron: '* * * * *' })).status).toBe(409)
  })
})

test('a hub gives a scheduled command by itself, and one that fell due while it was down when it is back', async () => {
  const first = await startHub()
  const device = await listening(first, 'bell', await first.device('bell'))
  await first.client.post('/devices/bell/schedules', { name: 'ring', at: later(1200) })
  await until(() => device.received.length === 1)
  await becomes(first, device.received[0]?.id ?? '', 'delivered')
  const api_key = (await first.client.post<{ api_key: string }>('/devices/bell/keys')).api_key
  const at = later(1500)
  await first.client.post('/devices/bell/schedules', { name: 'ring', at })
  const second = await first.restart()
  const again = await listening(second, 'bell', api_key)
  await until(() => again.received.length === 1)
  expect(again.received[0]).toMatchObject({ name: 'ring', attempt: 1 })
  await second.close()
})
