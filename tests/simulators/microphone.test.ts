import { afterAll, beforeAll, expect, it } from 'vitest'
import { Device } from '../../simulators/device.js'
import { createMicrophone } from '../../simulators/models/microphone.js'
import { clipOf } from '../../simulators/sound/sounds.js'
import { wavOf } from '../../simulators/sound/wav.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let microphone: Device

beforeAll(async () => {
  hub = await startHub()
  const api_key = await hub.device('hall', { type: 'microphone' })
  const { http_url, mqtt_url: url } = hub
  microphone = new Device({ url, http_url, id: 'hall', api_key, model: createMicrophone(1), interval_ms: 100 })
  await microphone.start()
})

afterAll(async () => {
  await microphone.stop()
  await hub.close()
})

interface Alerts {
  readonly alerts: readonly { readonly key: string; readonly source: string; readonly severity: string }[]
}

const record = (params: object) => hub.client.post('/devices/hall/commands?wait=10', { name: 'record', params })
const alerts = async () => (await hub.client.get<Alerts>('/alerts')).alerts
const told = async () =>
  (await hub.client.get<{ state: { reported: { heard?: string } } }>('/devices/hall/state')).state.reported.heard

it('records what it is told to, uploads it, and hears of the glass in it; people have an alert', async () => {
  expect(await record({ sound: 'glass_break', seconds: 3 })).toMatchObject({ command: { status: 'succeeded' } })
  await until(async () => (await told()) === 'glass_break')
  expect(await alerts()).toMatchObject([{ key: 'glass_break', source: 'detector', severity: 'major' }])
  expect(microphone.met.recordings).toBe(1)
})

it('raises nothing for a telephone', async () => {
  await record({ sound: 'phone', seconds: 3 })
  await until(async () => (await told()) === 'nothing')
  expect(await alerts()).toHaveLength(1)
})

it('makes the same file of the same sound, and one that tells its length', () => {
  const file = wavOf(clipOf('kettle', 3, 2))
  expect(file.equals(wavOf(clipOf('kettle', 3, 2)))).toBe(true)
  expect(file.readUInt32LE(24)).toBe(16_000)
  expect(file.readUInt32LE(40)).toBe(2 * 2 * 16_000)
  expect(file.length).toBe(44 + 2 * 2 * 16_000)
})
