import { afterEach, beforeEach, expect, test } from 'vitest'
import { aggregate, aggregations } from '../../src/telemetry/aggregate.js'
import { deleteReadings } from '../../src/telemetry/delete.js'
import { listReadings } from '../../src/telemetry/readings.js'
import { applyRetention } from '../../src/telemetry/retention.js'
import { until } from '../helper.js'
import { addDevice, openTestStore, type TestStore } from '../store/harness.js'
import { packAll } from './packed.js'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 2, 25)
const later = Date.now() + day
/** So long that what ends before a time is older. */
const since = (ts: number) => `${Math.floor((later - ts) / hour)}h`

let opened: TestStore
beforeEach(async () => {
  opened = await openTestStore({ sync: 'normal' })
  await addDevice(opened.db)
})
afterEach(() => opened.close())

const count = (what: string) => Number(opened.look(`select count(*) from ${what}`))
const having = (field: string) => count(`telemetry where data ->> '${field}' is not null`)
const states = () =>
  opened.look("select group_concat(state, '') from (select state from telemetry_hours order by start)")
const settled = () =>
  until(
    () => count('telemetry_hours where state in (0, 5)') + count('telemetry_fields where trimmed_to < raw_from') === 0,
    30_000,
  )
const send = (points: readonly { ts: number; data: object }[]) => opened.append(points)

/** A sample of two fields each six seconds, and one of the louder alone. */
async function sendHours(hours: number): Promise<void> {
  for (let i = 0; i < hours * 600; i += 300)
    await send(
      Array.from({ length: 300 }, (_, j) => i + j).flatMap(n => [
        { ts: begin + n * 6000, data: { t: n % 7, audio: n % 100 } },
        { ts: begin + n * 6000 + 3000, data: { audio: n % 50 } },
      ]),
    )
  await settled()
}

/** Says it of a device's fields, and runs as often as the job would. */
async function retain(fields: Record<string, string> | null, retention: string): Promise<void> {
  await opened.db.updateTable('devices').set({ retention_fields: fields }).execute()
  for (let round = 0; round < 3; round++) {
    await applyRetention(opened.db, retention, later, () => false)
    await settled()
  }
}

const ask = (window: string, fields = ['t', 'audio'], range = { start_time: begin, end_time: begin + 6 * hour }) =>
  aggregate(opened.db, 1, { fields, aggregations, window, timezone: 'UTC', ...range })

const counts = async (window: string, field: string) => {
  const query = { fields: [field], aggregations: ['count' as const], window, timezone: 'UTC' }
  const [series] = await aggregate(opened.db, 1, { ...query, start_time: begin, end_time: begin + 5 * day })
  return series?.points.map(point => point.count)
}

test.each(['rows', 'blocks'])(
  'a field kept shorter goes out of its samples in %s; all else of them stays, and so do the answers',
  async kind => {
    await sendHours(4)
    if (kind === 'blocks') await packAll(opened)
    const windows = ['1m', '15m', '1h', '1d']
    const before = await Promise.all(windows.map(window => ask(window)))
    await retain({ audio: `raw=${since(begin + 2 * hour)}` }, 'raw=forever')
    expect([having('t'), having('audio'), count('telemetry')]).toEqual([2400, 2400, 1200 + 2400])
    expect(states()).toBe('2222')
    expect(await Promise.all(windows.map(window => ask(window)))).toEqual(before)
    const { readings } = await listReadings(opened.db, 1, {
      start_time: begin,
      end_time: begin + 7000,
      order: 'asc',
      limit: 9,
    })
    expect(readings.map(({ data }) => data)).toEqual([{ t: 0 }, { t: 1 }])
  },
)

test('a late reading of a field that is gone is counted and not kept; its sample is, and its hour is rolled up anew', async () => {
  await sendHours(3)
  const before = await ask('1m', ['audio'])
  await retain({ audio: `raw=${since(begin + 2 * hour)}` }, 'raw=forever')
  await send([
    { ts: begin + 1, data: { t: 5, audio: 1000 } },
    { ts: begin + 2, data: { audio: 1000 } },
    { ts: begin + 2 * hour + 1, data: { audio: 7 } },
  ])
  await settled()
  expect(opened.look('select samples from telemetry_late')).toBe(2)
  expect(states()).toBe('222')
  expect(having('audio')).toBe(1201)
  expect(await counts('1h', 't')).toEqual([601, 600, 600])
  expect(await counts('1h', 'audio')).toEqual([1200, 1200, 1201])
  const hours = { start_time: begin, end_time: begin + 2 * hour }
  const after = await ask('1m', ['audio'], hours)
  expect(after).toEqual(
    before.map(one => ({ ...one, points: one.points.filter(point => point.start < hours.end_time) })),
  )
})

test('a field kept longer stays in its samples when the others go, and its hours stand', async () => {
  await sendHours(2)
  const before = await Promise.all(['1m', '1h', '1d'].map(window => ask(window)))
  await retain({ t: 'raw=forever' }, `raw=${since(begin + day)}`)
  expect([having('t'), having('audio'), states()]).toEqual([1200, 0, '22'])
  expect(await Promise.all(['1m', '1h', '1d'].map(window => ask(window)))).toEqual(before)
})

test('when the field that is kept longest has gone as well, the samples of an hour go whole', async () => {
  await sendHours(2)
  await retain({ t: 'raw=2h', audio: 'raw=1h' }, 'raw=forever')
  expect([count('telemetry'), count('sample_blocks'), states()]).toEqual([0, 0, '44'])
  expect(await counts('1h', 'audio')).toEqual([1200, 1200])
})

test('rollups by minute go by their field; hours without them get them first where the field wants them', async () => {
  for (const from of [0, hour]) {
    const samples = Array.from({ length: 60 }, (_, i) => ({
      ts: begin + from + i * 60_000,
      data: { t: i, audio: i, e: i },
    }))
    await send(samples)
  }
  await settled()
  expect([states(), count('rollups_1m')]).toEqual(['11', 0])
  const minutes = since(begin + hour)
  await retain({ audio: 'raw=1h,1m=forever', e: `raw=1h,1m=${minutes}` }, 'raw=forever')
  expect(states()).toBe('22')
  expect([having('t'), having('audio'), having('e')]).toEqual([120, 0, 0])
  expect((await counts('1m', 'audio'))?.length).toBe(120)
  expect(await counts('1m', 'e')).toEqual([60, ...Array(60).fill(1)])
  expect((await counts('1m', 't'))?.length).toBe(120)
  await retain({ audio: `raw=1h,1m=${minutes}`, e: 'raw=1h' }, 'raw=forever')
  expect(await counts('1m', 'audio')).toEqual([60, ...Array(60).fill(1)])
  expect(count(`rollups_1m join telemetry_fields using (device_num, field_num) where name = 'audio'`)).toBe(60)
})

test('what a device says of a field stands over what its home says, and that over what the device says of the rest', async () => {
  await sendHours(1)
  await opened.db
    .updateTable('homes')
    .set({ retention_fields: { t: 'raw=1h', audio: 'raw=1h' } })
    .execute()
  await opened.db.updateTable('devices').set({ retention: 'raw=forever' }).execute()
  await retain({ audio: 'raw=forever' }, 'raw=30d')
  expect([having('t'), having('audio')]).toEqual([0, 1200])
})

test('a device that was away brings what is older than its fields are kept', async () => {
  await sendHours(1)
  await retain({ audio: 'raw=1h' }, 'raw=forever')
  await send([{ ts: begin + 3 * hour, data: { audio: 1 } }])
  await settled()
  expect(await counts('1h', 'audio')).toEqual([1200, 1])
  await send([{ ts: begin + 3 * hour + 1, data: { audio: 1 } }])
  await retain({ audio: 'raw=1h' }, 'raw=forever')
  expect([having('audio'), await counts('1h', 'audio')]).toEqual([0, [1200, 2]])
})

test('what was interrupted is gone on with: fields in samples, and rollups by minute', async () => {
  await sendHours(2)
  const before = await ask('1h')
  await opened.db
    .updateTable('telemetry_fields')
    .set({ raw_from: begin + 2 * hour, minutes_from: begin + hour })
    .where('name', '=', 'audio')
    .execute()
  // One hour is rolled up anew before the field is out of its samples.
  await opened.db
    .updateTable('telemetry_hours')
    .set({ state: 0 })
    .where('start', '=', begin + hour)
    .execute()
  opened = await opened.reopen()
  await settled()
  expect(having('audio')).toBe(0)
  await applyRetention(opened.db, 'raw=forever', later, () => false)
  expect(count('rollups_1m')).toBe(120 + 60)
  expect(await ask('1h')).toEqual(before)
})

test('whoever deletes a range deletes what fields were rolled up to in it', async () => {
  await sendHours(3)
  await retain({ audio: 'raw=1h' }, 'raw=forever')
  await deleteReadings(opened.db, 1, { start_time: begin, end_time: begin + hour + 1 })
  await settled()
  expect([await counts('1h', 't'), await counts('1h', 'audio')]).toEqual([
    [599, 600],
    [1200, 1200],
  ])
  expect(await counts('1d', 'audio')).toEqual([2400])
  await deleteReadings(opened.db, 1, { start_time: begin, end_time: begin + day })
  await settled()
  expect([count('telemetry_hours'), count('rollups_1h'), count('rollups_1m')]).toEqual([0, 0, 0])
})
