import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { certificate, certificateSettings } from '../broker/certificate.js'
import { startHub } from '../helper.js'
import { newPerson } from '../people/person.js'

async function start(env: Record<string, string> = {}) {
  const hub = await startHub(env)
  onTestFinished(() => hub.close())
  const { client } = await newPerson(hub)
  return { hub, ...(await client.call('GET /doors')) }
}

test('whoever asks is told on which ports devices are let in, also with TLS', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-doors-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { hub, doors } = await start(certificateSettings(folder))
  const device = { clientId: 'lamp', username: 'lamp', password: await hub.device('lamp'), ca: certificate }
  for (const url of [
    `mqtt://127.0.0.1:${doors.mqtt_port}`,
    `mqtts://127.0.0.1:${doors.mqtts_port}`,
    `${hub.http_url.replace('http', 'ws')}${doors.websocket_path}`,
  ])
    await (await mqtt.connectAsync(url, { ...device, reconnectPeriod: 0 })).endAsync()
})

test('without a certificate there is no port for TLS', async () => {
  const { hub, doors } = await start()
  expect(doors).toEqual({ mqtt_port: hub.hub.ports.mqtt, mqtts_port: null, websocket_path: '/mqtt' })
})
