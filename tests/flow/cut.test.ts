import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signAccessToken } from '../../src/people/access-tokens.js'
import { openSigningKeys } from '../../src/people/signing-keys.js'
import { certificateSettings } from '../broker/certificate.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let folder: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-cut-'))
  hub = await startHub(certificateSettings(folder))
})
afterAll(async () => {
  await hub.close()
  await rm(folder, { recursive: true })
})

const urls = {
  TCP: () => hub.mqtt_url,
  TLS: () => `mqtts://127.0.0.1:${hub.hub.ports.mqtts}`,
  WebSocket: () => `ws://127.0.0.1:${hub.hub.ports.http}/mqtt`,
}

interface Publishing {
  readonly id: string
  readonly client: MqttClient
  /** Settles with how long after the action had ended the connection was closed, in milliseconds; negative when before. */
  cutWithin(action: () => Promise<unknown>): Promise<number>
  stop(): void
}

/** A device that publishes a hundred times a second. */
async function publishing(
  transport: keyof typeof urls,
  api_key: string,
  id: string,
  more: IClientOptions = {},
): Promise<Publishing> {
  const who = { clientId: id, username: id, password: api_key, rejectUnauthorized: false, reconnectPeriod: 0 }
  const client = await mqtt.connectAsync(urls[transport](), { ...who, ...more })
  client.on('error', () => undefined)
  let acknowledged = 0
  const beat = setInterval(() => {
    client.publish(`devices/${id}/telemetry`, '{"a":1}', { qos: 1 }, error => {
      if (!error) acknowledged++
    })
  }, 10)
  const stop = () => {
    clearInterval(beat)
    client.end(true)
  }
  const cutWithin = async (action: () => Promise<unknown>) => {
    await until(() => acknowledged > 10)
    const closed = new Promise<number>(resolve => client.once('close', () => resolve(performance.now())))
    await action()
    const acted = performance.now()
    const at = await closed
    stop()
    return at - acted
  }
  return { id, client, cutWithin, stop }
}

async function newDevice(): Promise<{ id: string; api_key: string; key_id: string }> {
  const id = `cut${++count}`
  const api_key = await hub.device(id)
  return { id, api_key, key_id: api_key.split('_')[1] ?? '' }
}

const refused = (transport: keyof typeof urls, id: string, password: string) =>
  mqtt
    .connectAsync(urls[transport](), {
      clientId: id,
      username: id,
      password,
      rejectUnauthorized: false,
      reconnectPeriod: 0,
    })
    .then(
      client => client.endAsync().then(() => 'let in'),
      error => error.code as number,
    )

describe.each(['TCP', 'TLS', 'WebSocket'] as const)(
  'on %s a device that publishes at 100 a second is cut within a second when',
  transport => {
    test('its key is revoked; its will is not published, and it is offline as revoked', async () => {
      const { id, api_key, key_id } = await newDevice()
      const heard = await hub.listen(`homes/+/devices/${id}/event`, `homes/+/devices/${id}/presence`)
      const will = { topic: `devices/${id}/event`, payload: Buffer.from('"will"'), qos: 1 as const, retain: false }
      const device = await publishing(transport, api_key, id, { will })
      expect(await device.cutWithin(() => hub.client.delete(`/devices/${id}/keys/${key_id}`))).toBeLessThan(1000)
      const presence = await heard.next(({ payload }) => payload.includes('"offline"'))
      expect(JSON.parse(presence.payload)).toMatchObject({ status: 'offline', reason: 'revoked' })
      expect(heard.messages.filter(({ topic }) => topic.endsWith('/event'))).toEqual([])
      expect(await refused(transport, id, api_key)).toBe(4)
    })

    test('it is made inactive', async () => {
      const { id, api_key } = await newDevice()
      const device = await publishing(transport, api_key, id)
      expect(await device.cutWithin(() => hub.client.patch(`/devices/${id}`, { status: 'inactive' }))).toBeLessThan(
        1000,
      )
      expect(await refused(transport, id, api_key)).toBe(5)
    })

    test('its key expires', async () => {
      const { id } = await newDevice()
      const expires_at = Date.now() + 1500
      const { api_key } = await hub.client.post<{ api_key: string }>(`/devices/${id}/keys`, { expires_at })
      const device = await publishing(transport, api_key, id)
      const expiry = () => until(() => Date.now() >= expires_at)
      const late = await device.cutWithin(expiry)
      expect(late).toBeLessThan(1000)
      // Not before its time, but for what the clock was looked at last.
      expect(late).toBeGreaterThan(-100)
      expect(await refused(transport, id, api_key)).toBe(5)
    })

    test('it is deleted', async () => {
      const { id, api_key } = await newDevice()
      const device = await publishing(transport, api_key, id)
      expect(await device.cutWithin(() => hub.client.delete(`/devices/${id}`))).toBeLessThan(1000)
      expect(await refused(transport, id, api_key)).toBe(4)
    })

    test('its key is rotated: the new one is let in while the old one works, and takes over', async () => {
      const { id, api_key, key_id } = await newDevice()
      const device = await publishing(transport, api_key, id)
      const made = await hub.client.post<{ api_key: string }>(`/devices/${id}/keys`)
      const cut = await device.cutWithin(async () => {
        const newer = await publishing(transport, made.api_key, id)
        newer.stop()
      })
      expect(cut).toBeLessThan(1000)
      expect(await refused(transport, id, api_key)).toBe('let in')
      await hub.client.delete(`/devices/${id}/keys/${key_id}`)
      expect(await refused(transport, id, api_key)).toBe(4)
      expect(await refused(transport, id, made.api_key)).toBe('let in')
    })

    test('…and a person’s connection ends with the access token', async () => {
      const {
        sub: user_id = '',
        sid: session_id,
        ver: token_version,
      } = decodeJwt<{ sid: string; ver: number }>(hub.access_token)
      const { current } = await openSigningKeys(hub.data_dir)
      const token = await signAccessToken(current, { user_id, session_id, token_version }, 2)
      const options = {
        clientId: `user-${transport}`,
        username: 'x',
        password: token,
        rejectUnauthorized: false,
        reconnectPeriod: 0,
      }
      const person = await mqtt.connectAsync(urls[transport](), options)
      const opened = performance.now()
      await new Promise(resolve => person.once('close', () => resolve(null)))
      expect(performance.now() - opened).toBeLessThan(3000)
      await person.endAsync(true)
    })
  },
)
