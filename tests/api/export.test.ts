import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { csv } from '../../src/api/export.js'
import { insertSamples } from '../store/harness.js'
import { type Started, startApi } from './harness.js'

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

describe('an export', () => {
  const start = at('2025-01-05T00:00:00Z')
  test('as CSV survives any value and gives a spreadsheet no formula', async () => {
    await says('awkward', [
      point(start, { text: 'a,"b"\r\nc', n: -1.5 }),
      point(start + 1, { text: '=HYPERLINK("http://x")', n: 0, '=cmd': true }),
      point(start + 2, { text: '-1+1' }),
      point(start + 3, { text: '@SUM(A1)', 'q"uote': '' }),
    ])
    const answer = await read('awkward/export')
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="awkward.csv"')
    const received = String(answer.body).match(/,(\d{13}),/)?.[1]
    expect(answer.body).toBe(
      [
        `ts,received_at,quality,'=cmd,n,"q""uote",text`,
        `${start},${received},,,-1.5,,"a,""b""\r\nc"`,
        `${start + 1},${received},,true,0,,"'=HYPERLINK(""http://x"")"`,
        `${start + 2},${received},,,,,'-1+1`,
        `${start + 3},${received},,,,"",'@SUM(A1)`,
        '',
      ].join('\r\n'),
    )
  })

  test('that nobody reads does not keep a server from closing', async () => {
    const closing = await startApi()
    await closing.device('fat')
    const [{ num }] = (await closing.store.db.selectFrom('devices').select('num').execute()) as [{ num: number }]
    const samples = Array.from({ length: 40 }, (_, i) => {
      return { device_num: num, ts: start + i, data: { text: 'x'.repeat(500_000) } }
    })
    for (const sample of samples) await insertSamples(closing.store.db, [sample], start)
    const { hostname, port } = new URL(closing.url)
    const headers = { authorization: `Bearer ${closing.token}` }
    const cut = new Promise(resolve => {
      get({ hostname, port, path: '/api/v1/telemetry/fat/export', headers }, answer => {
        answer.on('error', resolve)
        void closing.close()
      })
    })
    expect(await cut).toMatchObject({ code: 'ECONNRESET' })
  })

  test('as NDJSON has a sample a line', async () => {
    const answer = await read('awkward/export?format=ndjson&fields=text&end_time=2025-01-05T00:00:00.002')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    const lines = String(answer.body)
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toMatchObject([{ ts: start, data: { text: 'a,"b"\r\nc' } }, { ts: start + 1 }])
  })

  test('of nothing is a header', async () => {
    await hub.device('empty')
    expect((await read('empty/export')).body).toBe('ts,received_at,quality\r\n')
    expect((await read('empty/export?format=ndjson')).body).toBe('')
  })

  test.each(['format=xml', 'fields=', 'start_time=x', 'limit=5'])('?%s is refused', async query =>
    expect((await read(`awkward/export?${query}`)).status).toBe(400),
  )

  test('of many pages is whole and in order', async () => {
    const key = await hub.device('long')
    for (let page = 0; page < 4; page++) {
      const body = Array.from({ length: 1000 }, (_, n) => point(start + page * 1000 + n, { n: page * 1000 + n }))
      await hub.call('POST', '/api/v1/telemetry', { key, body })
    }
    const { body } = await read('long/export?fields=n')
    const numbers = String(body)
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map(line => Number(line.split(',')[3]))
    expect(numbers).toEqual(Array.from({ length: 4000 }, (_, n) => n))
  })

  test('reads no further while its reader is slow, and stops when the reader leaves', async () => {
    const key = await hub.device('slow')
    const text = 'x'.repeat(200)
    for (let page = 0; page < 30; page++) {
      const body = Array.from({ length: 1000 }, (_, n) => point(start + page * 1000 + n, { text }))
      await hub.call('POST', '/api/v1/telemetry', { key, body })
    }
    const sockets: { bytesWritten: number; writableLength: number; destroyed: boolean }[] = []
    hub.api.server.once('connection', socket => void sockets.push(socket))
    const headers = { authorization: `Bearer ${hub.token}` }
    const request = get(`${hub.url}/api/v1/telemetry/slow/export`, { headers, agent: false })
    const response = await new Promise<{ pause(): void }>(resolve => request.once('response', resolve))
    response.pause()
    const held = sockets[0]
    if (!held) throw new Error('no connection')
    // What the kernel buffers on both sides is out of our hands; the rest stays in the store and not in memory.
    await expect.poll(() => held.bytesWritten, { timeout: 10_000 }).toBeGreaterThan(0)
    let before = -1
    const stands = () => {
      const still = held.bytesWritten === before
      before = held.bytesWritten
      return still
    }
    await expect.poll(stands, { interval: 200, timeout: 10_000 }).toBe(true)
    expect(held.writableLength).toBeLessThan(1024 * 1024)
    request.destroy()
    await expect.poll(() => held.destroyed, { timeout: 10_000 }).toBe(true)
    expect((await hub.call('GET', '/api/v1/devices/slow')).status).toBe(200)
  })

  test('a field that has the name of what every object has is an empty cell where a sample does not have it', async () => {
    async function* pages() {
      yield [{ ts: 1, received_at: 2, data: { a: 3 } }]
    }
    const rows = csv(pages(), ['a', 'constructor', 'toString'])
    await rows.next()
    expect((await rows.next()).value).toBe('1,2,,3,,\r\n')
  })

  test('asks for a page only when the one before was taken', async () => {
    let asked = 0
    async function* pages() {
      for (;;) {
        asked++
        yield [{ ts: asked, received_at: 0, data: { a: asked } }]
      }
    }
    const lines = csv(pages(), ['a'])
    await lines.next()
    expect(asked).toBe(0)
    await lines.next()
    expect(asked).toBe(1)
    await lines.return(undefined)
  })
})
