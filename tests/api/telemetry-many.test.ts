import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServiceToken } from '../../src/people/service-tokens.js'
import { type Started, startApi } from './harness.js'

let hub: Started
const start = Date.parse('2025-01-01T00:00:00Z')
const ids = ['a', 'b', 'c']

beforeAll(async () => {
  hub = await startApi()
  for (const [n, id] of ids.entries()) {
    const key = await hub.device(id)
    // All three share every third second; each has others to itself.
    const points = Array.from({ length: 20 }, (_, i) => ({ ts: start + i * 1000, data: { n: i, [id]: true } }))
    const body = points.filter((_, i) => i % 3 === 0 || i % 3 === n)
    expect((await hub.call('POST', '/api/v1/telemetry', { key, body })).status).toBe(202)
  }
  await hub.device('silent')
  const home = { id: 'elsewhere', name: 'elsewhere' }
  expect((await hub.call('POST', '/api/v1/homes', { body: home })).status).toBe(201)
  await hub.device('foreign', { home_id: 'elsewhere' })
})
afterAll(() => hub.close())

const read = (path: string, headers = {}) => hub.call('GET', `/api/v1${path}`, { headers })

/** What somebody is answered who may hear so much. */
async function readAs(subscribe: string[], path: string) {
  const wanted = { name: 'x', publish: [], subscribe, api: 'read' as const, expires_at: null, created_by: 'test' }
  const { secret } = await createServiceToken(hub.store.db, wanted)
  return read(path, { authorization: `Bearer ${secret}` })
}

describe('samples of several devices', () => {
  interface Sample {
    readonly device_id: string
    readonly ts: number
    readonly data: object
  }
  const pageOf = (body: unknown) => body as { telemetry: Sample[]; next_cursor: string | null }
  const all = async (query: string) =>
    pageOf((await read(`/telemetry?device=a,b,c&limit=1000&${query}`)).body).telemetry

  test('are those of each, in one order of time', async () => {
    const samples = await all('order=asc')
    const expected: Sample[] = []
    for (const device_id of ids) {
      const { body } = await read(`/telemetry/${device_id}?limit=1000`)
      expected.push(...pageOf(body).telemetry.map(sample => ({ ...sample, device_id })))
    }
    const place = ({ ts, device_id }: Sample) => `${ts} ${device_id}`
    expect(samples).toEqual(expected.sort((one, other) => (place(one) < place(other) ? -1 : 1)))
    expect(await all('order=desc')).toEqual(samples.toReversed())
  })

  test.each(['asc', 'desc'].flatMap(order => ['', '&fields=n,b', '&fields=c'].map(fields => [order, fields] as const)))(
    'come in pages that neither skip nor repeat where devices share a time, %s %s',
    async (order, fields) => {
      const expected = await all(`order=${order}${fields}`)
      expect(expected.length).toBeGreaterThan(10)
      for (const limit of [1, 2, 4, 7]) {
        const seen: Sample[] = []
        for (let cursor = ''; ; ) {
          const { body } = await read(`/telemetry?device=c,a,b,a&order=${order}&limit=${limit}${fields}${cursor}`)
          const { telemetry, next_cursor } = pageOf(body)
          seen.push(...telemetry)
          if (next_cursor === null) break
          cursor = `&cursor=${next_cursor}`
        }
        expect(seen).toEqual(expected)
      }
    },
  )

  test('are those of a range', async () => {
    const samples = await all(`start_time=${start + 3000}&end_time=${start + 5000}&order=asc`)
    expect(samples.map(({ device_id, ts }) => [device_id, ts - start])).toEqual([
      ['a', 3000],
      ['b', 3000],
      ['c', 3000],
      ['b', 4000],
    ])
    expect(await all(`start_time=${start}&end_time=${start}`)).toEqual([])
  })

  test('of a device of another home, or of none, are not there, and neither are the others', async () => {
    const filter = ['homes/home/#']
    expect((await readAs(filter, '/telemetry?device=a,b')).status).toBe(200)
    const [foreign, none] = await Promise.all(
      ['foreign', 'nowhere'].map(id => readAs(filter, `/telemetry?device=a,${id}`)),
    )
    expect(foreign).toMatchObject({ status: 404, body: { message: 'No such device foreign.' } })
    expect(none).toMatchObject({ status: 404, body: { message: 'No such device nowhere.' } })
    expect((await readAs(['homes/home/devices/a/telemetry'], '/telemetry?device=a,b')).status).toBe(404)
  })

  test.each(['', 'device=', `device=${Array.from({ length: 101 }, (_, i) => `d${i}`)}`, 'device=a&cursor=MTc'])(
    '?%s is refused',
    async query => expect(await read(`/telemetry?${query}`)).toMatchObject({ status: 400 }),
  )
})

describe('aggregates of several devices', () => {
  const query = `field=n&aggregation=sum,count&window=10s&start_time=${start}&end_time=${start + 20_000}`

  test('are for each what is told of it alone', async () => {
    const { status, body } = await read(`/telemetry/aggregated?device=b,a,silent&${query}`)
    const alone = await Promise.all(['b', 'a', 'silent'].map(id => read(`/telemetry/${id}/aggregated?${query}`)))
    expect([status, body]).toEqual([200, { devices: alone.map(answer => answer.body) }])
    expect(alone[0]?.body).toMatchObject({ series: [{ points: [{}, {}] }, {}] })
  })

  test('have a bound together', async () => {
    const fine = `field=n&aggregation=sum&window=1s&start_time=${start}&end_time=${start + 9_000_000}`
    expect((await read(`/telemetry/aggregated?device=a,b&${fine}`)).status).toBe(200)
    expect(await read(`/telemetry/aggregated?device=a,b,c&${fine}`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('20000 windows together') },
    })
    expect((await readAs(['homes/other/#'], `/telemetry/aggregated?device=a&${query}`)).status).toBe(404)
  })
})

describe('the latest of a home', () => {
  const path = '/homes/home/telemetry/latest'

  test('is that of each of its devices, of the silent ones too', async () => {
    const alone = await Promise.all([...ids, 'silent'].map(id => read(`/telemetry/${id}/latest`)))
    const { status, body } = await read(path)
    expect([status, body]).toEqual([200, { devices: alone.map(answer => answer.body), next_cursor: null }])
    expect(body).toMatchObject({
      devices: [{ latest: { n: { value: 18, ts: start + 18_000 } } }, {}, {}, { latest: {} }],
    })
  })

  test('comes in pages', async () => {
    const first = (await read(`${path}?limit=3`)).body as { devices: object[]; next_cursor: string }
    expect(first.devices).toMatchObject(ids.map(device_id => ({ device_id })))
    const second = await read(`${path}?limit=3&cursor=${first.next_cursor}`)
    expect(second.body).toMatchObject({ devices: [{ device_id: 'silent' }], next_cursor: null })
  })

  test('is told of the devices that one may hear, and not at all where there are none', async () => {
    const some = await readAs(['homes/home/devices/b/telemetry', 'homes/+/devices/silent/#'], path)
    expect(some.body).toMatchObject({ devices: [{ device_id: 'b' }, { device_id: 'silent' }] })
    expect((await readAs(['homes/elsewhere/#'], path)).status).toBe(404)
    expect((await readAs(['homes/home/devices/b/presence'], path)).status).toBe(404)
    expect((await read('/homes/none/telemetry/latest')).status).toBe(404)
  })
})
