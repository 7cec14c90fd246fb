import { afterAll, beforeAll, expect, test } from 'vitest'
import { wav } from '../audio/sound.js'
import { upload } from '../audio/uploading.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let key: string

beforeAll(async () => {
  hub = await startHub()
  key = await hub.device('mic')
  await hub.client.patch('/model-config/loudness', { enabled: true })
})
afterAll(() => hub.close())

test('a loud recording goes the whole way: announced, uploaded, listened to, told to its device and its people, and an alert raised', async () => {
  const heard = await hub.listen('homes/+/devices/mic/recordings', 'homes/+/alerts')
  const device = await hub.connect('mic', key)
  const own: string[] = []
  device.on('message', (_, payload) => own.push(payload.toString()))
  await device.subscribeAsync('devices/mic/recordings', { qos: 1 })

  const { id, confirmed } = await upload({ url: hub.http_url, api_key: key }, wav({ amplitude: 1, seconds: 2 }))
  expect(confirmed).toMatchObject({ status: 'queued', device_id: 'mic', attempts: 0 })
  await heard.next(({ topic, payload }) => topic.endsWith('/recordings') && payload.includes('"done"'))
  await until(() => own.find(payload => payload.includes('"done"')))
  const { recording, download } = await hub.client.get<Read>(`/ingest/${id}`)
  expect(recording).toMatchObject({
    status: 'done',
    attempts: 1,
    result: { format: 'wav', rate: 16_000, channels: 1, seconds: 2 },
  })
  expect(found(recording)).toEqual(['loudness'])
  const alert = await heard.next(({ topic }) => topic.endsWith('/alerts'))
  expect(JSON.parse(alert.payload)).toMatchObject({
    alert: { device_id: 'mic', key: 'loudness', source: 'detector', severity: 'warning', data: { recording_id: id } },
  })
  const sound = await fetch(download?.url ?? '')
  expect(sound.headers.get('content-type')).toBe('audio/wav')
  expect(Buffer.from(await sound.arrayBuffer()).equals(wav({ amplitude: 1, seconds: 2 }))).toBe(true)
})

interface Read {
  readonly recording: {
    readonly status: string
    readonly result: { readonly detections: { readonly key: string; readonly detected: boolean }[] } | null
  }
  readonly download: { readonly url: string } | null
}

const found = ({ result }: Read['recording']) =>
  (result?.detections ?? []).filter(({ detected }) => detected).map(({ key }) => key)

test('what is no sound fails its recording with a reason, and the next one is listened to', async () => {
  const broken = Buffer.concat([Buffer.from('RIFF'), Buffer.alloc(1000, 7)])
  const { id: bad } = await upload({ url: hub.http_url, api_key: key }, broken)
  const { id: good } = await upload({ url: hub.http_url, api_key: key }, wav({ amplitude: 0.001 }))
  const settled = (id: string) =>
    until(async () => {
      const { recording } = await hub.client.get<Read>(`/ingest/${id}`)
      return recording.status === 'done' || recording.status === 'failed' ? recording : null
    })
  expect(await settled(bad)).toMatchObject({ status: 'failed', error: { code: 'damaged' }, attempts: 1 })
  const heard = await settled(good)
  expect(heard.status).toBe('done')
  expect(found(heard)).toEqual([])
})
