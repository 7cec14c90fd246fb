import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wav } from '../audio/sound.js'
import { upload } from '../audio/uploading.js'
import { field, type Started, startApi } from './harness.js'

let hub: Started
let key: string
let stop: () => Promise<void>
const sound = wav({ seconds: 0.1 })
const wanted = { content_type: 'audio/wav', bytes: sound.length }
beforeAll(async () => {
  hub = await startApi({ HEARTH_AUDIO_BYTES: '100KB' })
  key = await hub.device('mic')
  stop = hub.audio.start()
})
afterAll(async () => {
  await stop()
  await hub.close()
})

const announce = (body: object, who: { key?: string } = { key }) => hub.call('POST', '/api/v1/ingest', { body, ...who })
const put = async (url: string, body: Buffer, type = 'audio/wav') =>
  (await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })).status
const settled = (id: string) =>
  expect.poll(async () => (await hub.call('GET', `/api/v1/ingest/${id}`, { key })).body, { timeout: 10_000 })

describe('announcing', () => {
  test.each<[string, object, number]>([
    ['a type that is none', { ...wanted, content_type: 'audio/mpeg' }, 400],
    ['no bytes', { ...wanted, bytes: 0 }, 400],
    ['more bytes than may be', { ...wanted, bytes: 100_001 }, 413],
    ['a checksum that is none', { ...wanted, sha256: 'x' }, 400],
    ['a name that is not known', { ...wanted, home_id: 'home' }, 400],
    ['another device', { ...wanted, device_id: 'other' }, 404],
  ])('refuses %s', async (_, body, status) => {
    await hub.device('other').catch(() => undefined)
    expect((await announce(body)).status).toBe(status)
  })

  test('takes a type with parameters, and no time to come', async () => {
    const { status, body } = await announce({ ...wanted, content_type: 'Audio/OGG; codecs=opus', recorded_at: '+1h' })
    expect(status).toBe(201)
    const { recording, upload } = body as {
      recording: { recorded_at: number }
      upload: { url: string; headers: object }
    }
    expect(recording).toMatchObject({ content_type: 'audio/ogg', status: 'waiting' })
    expect(recording.recorded_at).toBeLessThanOrEqual(Date.now())
    expect(upload).toMatchObject({ headers: { 'content-type': 'audio/ogg' } })
    expect(upload.url.startsWith(`${hub.url}/api/v1/objects/recordings/`)).toBe(true)
  })

  test('a person must say of which device', async () => {
    expect((await announce(wanted, {})).status).toBe(400)
    expect((await announce({ ...wanted, device_id: 'mic' }, {})).status).toBe(201)
  })
})

describe('uploading', () => {
  test('takes what was announced, again while nobody has confirmed it, and nothing after that', async () => {
    const { body } = await announce(wanted)
    const [url, id] = [field(body, 'upload', 'url'), field(body, 'recording', 'id')]
    expect(await put(url, sound.subarray(1))).toBe(400)
    expect(await put(url, Buffer.concat([sound, sound]))).toBe(400)
    expect(await put(url, sound, 'audio/flac')).toBe(415)
    expect(await put(url, sound, 'text/html')).toBe(415)
    expect(await put(url.replace(id, `${id}x`), sound)).toBe(403)
    expect(await put(url.replace('recordings', '..%2Frecordings'), sound)).toBe(400)
    expect((await hub.call('POST', '/api/v1/ingest/confirm', { key, body: { id } })).status).toBe(409)
    expect(await put(url, sound)).toBe(204)
    expect(await put(url, sound)).toBe(204)
    expect((await hub.call('POST', '/api/v1/ingest/confirm', { key, body: { id } })).status).toBe(202)
    expect(await put(url, sound)).toBe(409)
    await settled(id).toMatchObject({ recording: { status: 'done' } })
  })

  test('an address is good for what it was made for', async () => {
    const { id } = await upload({ url: hub.url, api_key: key }, sound)
    const { body } = await hub.call('GET', `/api/v1/ingest/${id}`, { key })
    const url = field(body, 'download', 'url')
    const got = await fetch(url)
    expect([got.status, got.headers.get('content-disposition')]).toEqual([200, 'attachment'])
    expect((await fetch(url.replace('type=audio%2Fwav', 'type=text%2Fhtml'))).status).toBe(403)
    expect((await fetch(url.replace(/expires=\d/, 'expires=9'))).status).toBe(403)
    expect(await put(url, sound)).toBe(403)
  })
})

test('a checksum is held to', async () => {
  const sha256 = createHash('sha256').update(sound).digest('hex')
  const { id: right } = await upload({ url: hub.url, api_key: key }, sound, { sha256 })
  const { id: wrong } = await upload({ url: hub.url, api_key: key }, sound, { sha256: '0'.repeat(64) })
  await settled(right).toMatchObject({ recording: { status: 'done' } })
  await settled(wrong).toMatchObject({ recording: { status: 'failed', error: { code: 'checksum_mismatch' } } })
})

test('a device sees its own recordings and nobody else’s', async () => {
  const other = await hub.device('deaf')
  const { id } = await upload({ url: hub.url, api_key: key }, sound)
  expect((await hub.call('GET', `/api/v1/ingest/${id}`, { key: other })).status).toBe(404)
  expect((await hub.call('GET', '/api/v1/ingest', { key: other })).body).toEqual({ recordings: [], next_cursor: null })
  expect((await hub.call('POST', '/api/v1/ingest/confirm', { key: other, body: { id } })).status).toBe(404)
})

describe('what a home listens for', () => {
  const change = (body: object, model = 'loudness') => hub.call('PATCH', `/api/v1/model-config/${model}`, { body })

  test('is every detector as it is by itself, until it is changed, and can be taken back', async () => {
    const before = (await hub.call('GET', '/api/v1/model-config')).body as { models: { model_key: string }[] }
    const own = before.models.find(({ model_key }) => model_key === 'loudness')
    expect(own).toMatchObject({ home_id: 'home', enabled: false, severity: 'warning' })
    const changed = await change({ enabled: true, severity: 'critical', thresholds: { laeq_db: 60 } })
    expect(changed.body).toMatchObject({
      model: { enabled: true, severity: 'critical', thresholds: { laeq_db: 60, full_scale_db: 120 } },
    })
    const { body } = await change({ enabled: false, severity: null, thresholds: { laeq_db: null } })
    expect(body).toEqual({ model: own })
  })

  test.each<[string, object, string, number]>([
    ['a threshold that is out of range', { thresholds: { laeq_db: 1e9 } }, 'loudness', 400],
    ['one that there is not', { thresholds: { colour: 1 } }, 'loudness', 400],
    ['a detector that there is not', { enabled: true }, 'no', 404],
    ['a home that there is not', { home_id: 'no', enabled: true }, 'loudness', 404],
  ])('refuses %s', async (_, body, model, status) => {
    expect((await change(body, model)).status).toBe(status)
  })

  test('is what the next recording is listened to for', async () => {
    for (const enabled of [true, false]) {
      await change({ enabled })
      const { id } = await upload({ url: hub.url, api_key: key }, wav({ amplitude: 1, seconds: 0.5 }))
      await settled(id).toMatchObject({ recording: { status: 'done' } })
      const { body } = await hub.call('GET', `/api/v1/ingest/${id}`)
      expect(JSON.stringify(body).includes('loudness')).toBe(enabled)
    }
  })
})
