import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { field, type Started, startApi } from './harness.js'

let hub: Started
beforeAll(async () => {
  hub = await startApi()
})
afterAll(() => hub.close())

const read = (path: string) => hub.call('GET', `/api/v1/telemetry/${path}`)
/** Makes a device that has said this. */
async function says(id: string, points: object): Promise<string> {
  const key = await hub.device(id)
  const answer = await hub.call('POST', '/api/v1/telemetry', { key, body: points })
  expect(answer.status).toBe(202)
  return key
}
const at = (iso: string) => Date.parse(iso)
const point = (ts: number, data: object) => ({ ts, data })

describe('samples', () => {
  const start = at('2025-01-01T00:00:00Z')
  beforeAll(async () => {
    const points = Array.from({ length: 10 }, (_, n) =>
      point(start + n * 1000, n % 2 ? { odd: n } : { even: n, text: 'x' }),
    )
    await says('series', points)
  })
  const values = (body: unknown) =>
    (body as { telemetry: { ts: number }[] }).telemetry.map(({ ts }) => (ts - start) / 1000)

  test.each([
    ['', [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
    ['order=asc&limit=3', [0, 1, 2]],
    [`start_time=${start + 2000}&end_time=${start + 5000}`, [4, 3, 2]],
    ['start_time=2025-01-01T00:00:02Z&end_time=2025-01-01T00:00:04.001Z&order=asc', [2, 3, 4]],
    ['start_time=2025-01-01T01:00:08%2B01:00', [9, 8]],
    ['fields=odd', [9, 7, 5, 3, 1]],
    ['fields=odd,even&limit=2', [9, 8]],
    ['fields=nothing', []],
    ['start_time=now', []],
    [`start_time=${start}&end_time=${start}`, []],
  ])('?%s', async (query, expected) => {
    const { status, body } = await read(`series?${query}`)
    expect(status).toBe(200)
    expect(values(body)).toEqual(expected)
  })

  test.each(['asc', 'desc'])('come in pages that neither skip nor repeat, %s', async order => {
    const seen: number[] = []
    for (let cursor = ''; ; ) {
      const { body } = await read(`series?limit=3&order=${order}${cursor}`)
      seen.push(...values(body))
      if ((body as { next_cursor: unknown }).next_cursor === null) break
      cursor = `&cursor=${field(body, 'next_cursor')}`
    }
    expect(seen).toEqual(order === 'asc' ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] : [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
  })

  test('show only the fields that were asked for, with metadata and quality', async () => {
    await says('context', [
      { ts: start, data: { a: 1, b: 'two', c: true }, metadata: { battery_level: 85 } },
      { ts: 5, data: { a: 2 } },
    ])
    expect((await read('context?fields=a,c&order=asc')).body).toMatchObject({
      device_id: 'context',
      telemetry: [
        { ts: start, data: { a: 1, c: true }, metadata: { battery_level: 85 } },
        { data: { a: 2 }, quality: 'received' },
      ],
    })
  })

  test.each([
    'limit=1e9',
    'limit=0',
    'cursor=x',
    'order=up',
    'order=asc;drop',
    'start_time=yesterday',
    'start_time=',
    'end_time=1e300',
    'start_time=now&end_time=-1h',
    'fields=',
    'fields=,',
    `fields=${'a,'.repeat(101)}a`,
    'start=1',
  ])('?%s is refused', async query =>
    expect(await read(`series?${query}`)).toMatchObject({ status: 400, body: { error: 'invalid_request' } }),
  )

  test('of fields with any name are found by it', async () => {
    const names = ['a"b', "a'b", 'a.b', 'a\\b', '$', '[0]', 'ä€😀', '%', 'a b', '"]', '`', 'a/b', 'constructor', '#']
    await says('names', [point(start, Object.fromEntries(names.map((name, n) => [name, n])))])
    for (const [n, name] of names.entries()) {
      const one = encodeURIComponent(name)
      expect(await read(`names?fields=${one}`), name).toMatchObject({
        status: 200,
        body: { telemetry: [{ data: { [name]: n } }] },
      })
      const sum = await read(
        `names/aggregated?field=${one}&aggregation=sum&window=1h&start_time=${start}&end_time=${start + 1}`,
      )
      expect(sum, name).toMatchObject({ status: 200, body: { series: [{ field: name, points: [{ value: n }] }] } })
    }
    expect(await read(`names?fields=${encodeURIComponent("x' or '1'='1")}`)).toMatchObject({
      status: 200,
      body: { telemetry: [] },
    })
  })

  test('the latest of each field', async () => {
    expect(await read('series/latest')).toMatchObject({
      status: 200,
      body: {
        device_id: 'series',
        latest: { odd: { value: 9, ts: start + 9000 }, even: { value: 8 }, text: { value: 'x' } },
      },
    })
    await hub.device('silent')
    expect((await read('silent/latest')).body).toEqual({ device_id: 'silent', latest: {} })
    expect((await read('nowhere/latest')).status).toBe(404)
  })

  test('are deleted by range, which must be given whole', async () => {
    await says('forgetful', [point(start, { a: 1 }), point(start + 1, { a: 2 }), point(start + 2, { a: 3 })])
    const remove = (query: string) => hub.call('DELETE', `/api/v1/telemetry/forgetful?${query}`)
    for (const query of ['', `start_time=${start}`, `end_time=${start}`, `start_time=${start + 1}&end_time=${start}`])
      expect((await remove(query)).status).toBe(400)
    expect((await remove(`start_time=${start + 1}&end_time=${start + 9}`)).body).toEqual({
      device_id: 'forgetful',
      deleted: 2,
    })
    expect((await read('forgetful/latest')).body).toMatchObject({ latest: { a: { value: 1, ts: start } } })
  })
})

describe('aggregates', () => {
  const aggregated = (id: string, query: string) => read(`${id}/aggregated?${query}`)

  test('over fixed windows, several fields and aggregations at once', async () => {
    const start = at('2025-02-01T00:00:00Z')
    const rows = [1, 2, 6, 10].map((t, n) => point(start + n * 20 * 60_000, { t, on: n > 1, mode: n ? 'heat' : 'off' }))
    await says('windows', rows)
    const { body } = await aggregated(
      'windows',
      `field=t,on,mode&aggregation=mean,sum,min,max,count,first,last&window=1h&start_time=${start}&end_time=${start + 7_200_000}`,
    )
    const series = (body as { series: { field: string; aggregation: string; points: { value: unknown }[] }[] }).series
    const of = (field: string, aggregation: string) =>
      series.find(one => one.field === field && one.aggregation === aggregation)?.points.map(({ value }) => value)
    expect(series).toHaveLength(21)
    expect(of('t', 'mean')).toEqual([3, 10])
    expect(of('t', 'sum')).toEqual([9, 10])
    expect(of('t', 'min')).toEqual([1, 10])
    expect(of('t', 'max')).toEqual([6, 10])
    expect(of('t', 'count')).toEqual([3, 1])
    expect(of('on', 'sum')).toEqual([1, 1])
    expect(of('mode', 'first')).toEqual(['off', 'heat'])
    expect(of('mode', 'last')).toEqual(['heat', 'heat'])
    expect(of('mode', 'mean')).toEqual([])
  })

  test.each([
    ['spring forward', '2025-03-29T23:00:00Z', 23],
    ['fall back', '2025-10-25T22:00:00Z', 25],
  ])('a day in Paris when clocks %s has its true length', async (name, midnight, hours) => {
    const start = at(midnight)
    const id = name.replace(' ', '-')
    await says(
      id,
      Array.from({ length: 49 }, (_, hour) => point(start + hour * 3_600_000, { n: 1 })).filter(
        ({ ts }) => ts < Date.now(),
      ),
    )
    const query = `field=n&aggregation=count&window=1d&timezone=Europe/Paris&start_time=${start}&end_time=${start + 49 * 3_600_000}`
    const { body } = await aggregated(id, query)
    const points = (body as { series: { points: object[] }[] }).series[0]?.points
    expect(points?.[0]).toEqual({ start, value: hours, count: hours })
    expect(points?.[1]).toMatchObject({ start: start + hours * 3_600_000, count: 24 })
  })

  test('the home’s time zone is used unless another is named', async () => {
    await hub.store.db.updateTable('homes').set({ timezone: 'Asia/Tokyo' }).where('id', '=', 'home').execute()
    await says('tokyo', [point(at('2025-01-01T16:00:00Z'), { n: 1 })])
    const query = 'field=n&aggregation=count&window=1d&start_time=2025-01-01&end_time=2025-01-03'
    expect((await aggregated('tokyo', query)).body).toMatchObject({
      timezone: 'Asia/Tokyo',
      series: [{ points: [{ start: at('2025-01-01T15:00:00Z') }] }],
    })
    expect((await aggregated('tokyo', `${query}&timezone=UTC`)).body).toMatchObject({
      timezone: 'UTC',
      series: [{ points: [{ start: at('2025-01-01T00:00:00Z') }] }],
    })
  })

  test('sums that no number can hold are null, and large integers do not fail', async () => {
    const start = at('2025-02-02T00:00:00Z')
    await says('huge', [point(start, { a: 9e18, b: 1e308 }), point(start + 1, { a: 9e18, b: 1e308 })])
    const query = `field=a,b&aggregation=sum&window=1h&start_time=${start}&end_time=${start + 10}`
    expect(await aggregated('huge', query)).toMatchObject({
      status: 200,
      body: { series: [{ points: [{ value: 1.8e19 }] }, { points: [{ value: null }] }] },
    })
  })

  test.each([
    'field=a&aggregation=median&window=1h',
    'field=a&aggregation=mean&window=0h',
    'field=a&aggregation=mean&window=1y',
    'field=a&aggregation=mean&window=1s&start_time=0',
    'field=a&aggregation=mean&window=1d&timezone=Mars/Olympus',
    'field=a&aggregation=mean&window=1mo&start_time=0&end_time=9999-12-31',
    'field=a&aggregation=mean&window=1d&start_time=9999-12-30&end_time=10000-01-01',
    'aggregation=mean&window=1h',
    'field=a&window=1h',
    'field=a&aggregation=mean',
  ])('?%s is refused', async query =>
    expect(await aggregated('series', query)).toMatchObject({ status: 400, body: { error: 'invalid_request' } }),
  )

  test('at the end of time there is nothing', async () =>
    expect(
      await aggregated('series', 'field=a&aggregation=mean&window=1mo&start_time=9999-12-30&end_time=9999-12-31'),
    ).toMatchObject({ status: 200, body: { series: [{ points: [] }] } }))
})

test('a query that takes longer than it may is refused, and others are not', async () => {
  const hasty = await startApi({ HEARTH_QUERY_SECONDS: '1e-6' })
  await hasty.device('x')
  const ask = (path: string) => hasty.call('GET', `/api/v1/telemetry${path}`)
  const aggregated = 'field=a&aggregation=sum&window=1h'
  for (const path of [
    '/x',
    `/x/aggregated?${aggregated}`,
    '?device=x',
    `/aggregated?device=x&${aggregated}`,
    '/x/export',
  ])
    expect(await ask(path), path).toMatchObject({ status: 503, body: { error: 'query_timeout' } })
  expect((await ask('/x/latest')).status).toBe(200)
  await hasty.close()
})
