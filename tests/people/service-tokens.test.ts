import mqtt, { type IClientOptions } from 'mqtt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HearthClient } from '../../src/client/client.js'
import { startHub, type TestHub, until } from '../helper.js'

let hub: TestHub
let key: string
beforeAll(async () => {
  hub = await startHub()
  key = await hub.device('lamp')
  await hub.client.post('/homes', { id: 'other', name: 'Other' })
  await hub.device('theirs', { home_id: 'other' })
})
afterAll(() => hub.close())

interface Made {
  readonly token: { readonly id: string }
  readonly secret: string
}
const make = (wanted: object) => hub.client.post<Made>('/tokens', { name: 'node-red', ...wanted })
const connect = (secret: string, options: IClientOptions = {}) =>
  mqtt.connectAsync(hub.mqtt_url, {
    clientId: 'any id: it’s mine',
    username: 'node-red',
    password: secret,
    reconnectPeriod: 0,
    ...options,
  })
/** Settles when the hub has closed the connection; rejects when the publish was acknowledged. */
async function refused(secret: string, topic: string): Promise<string> {
  const client = await connect(secret, { clientId: `r-${topic.length}` })
  const closed = new Promise<string>(resolve => client.once('close', () => resolve('closed')))
  const acknowledged = client.publishAsync(topic, '{}', { qos: 1 }).then(
    () => 'acknowledged',
    () => closed,
  )
  return Promise.race([closed, acknowledged])
}

describe('a program with a service token', () => {
  test('speaks in a device’s name where its scopes let it, and that is stored before it is acknowledged', async () => {
    const { secret } = await make({ publish: ['homes/home/#'], subscribe: ['homes/home/#'] })
    const program = await connect(secret)
    const heard: string[] = []
    program.on('message', topic => heard.push(topic))
    await program.subscribeAsync('homes/home/#', { qos: 1 })
    await program.publishAsync('homes/home/devices/lamp/telemetry', '{"ts":1767225600000,"data":{"a":1}}', { qos: 1 })
    expect(await hub.client.get('/telemetry/lamp')).toMatchObject({
      telemetry: [{ ts: 1767225600000, data: { a: 1 } }],
    })
    await program.publishAsync('homes/home/devices/lamp/state', '{"power":"on"}', { qos: 2 })
    expect(await hub.client.get('/devices/lamp/state')).toMatchObject({ state: { reported: { power: 'on' } } })
    await program.publishAsync('homes/home/devices/lamp/telemetry', '{"broken', { qos: 1 })
    expect(await hub.client.get('/devices/lamp/quarantine')).toMatchObject({
      quarantine: [{ reason: 'invalid_payload' }],
    })
    await until(
      () => heard.includes('homes/home/devices/lamp/telemetry') && heard.includes('homes/home/devices/lamp/state'),
    )
    await program.endAsync()
  })

  test('keeps the order of what it says, whatever it is', async () => {
    const { secret } = await make({ publish: ['#'], subscribe: ['#'] })
    const program = await connect(secret)
    const heard: string[] = []
    program.on('message', (topic, payload) =>
      topic.startsWith('homes/home/devices/lamp/ev') || topic === 'free' ? heard.push(payload.toString()) : 0,
    )
    await program.subscribeAsync(['homes/home/devices/lamp/event', 'free'], { qos: 1 })
    const said = Array.from({ length: 40 }, (_, i) => `${i}`)
    await Promise.all(
      said.map((text, i) => program.publishAsync(i % 2 ? 'homes/home/devices/lamp/event' : 'free', text, { qos: 1 })),
    )
    await until(() => heard.length === said.length)
    const of = (odd: number) => heard.filter(text => Number(text) % 2 === odd)
    expect([of(0), of(1)]).toEqual([said.filter((_, i) => i % 2 === 0), said.filter((_, i) => i % 2 === 1)])
    await program.endAsync()
  })

  test('has topics of its own, retained ones too, which administrators hear and nobody else', async () => {
    const { secret } = await make({ publish: ['garden/#'], subscribe: ['garden/+'] })
    const program = await connect(secret)
    await program.publishAsync('garden/gate', 'open', { qos: 1, retain: true })
    const heard = await hub.listen('garden/#')
    expect(await heard.next(({ retain }) => retain)).toMatchObject({ topic: 'garden/gate', payload: 'open' })
    const { granted } = await new Promise<{ granted: number[] }>(resolve =>
      program.subscribe(['garden/gate', 'garden/#', '#', 'homes/home/#'], { qos: 1 }, (_e, _g, packet) =>
        resolve({ granted: (packet?.granted ?? []) as number[] }),
      ),
    )
    expect(granted).toEqual([1, 128, 128, 128])
    await program.endAsync()
  })

  test.each([
    ['another home', 'homes/other/devices/theirs/telemetry'],
    ['a device that is not there', 'homes/home/devices/nobody/telemetry'],
    ['a device of another home', 'homes/home/devices/theirs/telemetry'],
    ['what only the hub says', 'homes/home/devices/lamp/presence'],
    ['a command, which the API gives', 'homes/home/devices/lamp/commands'],
    ['the commands of a home', 'homes/home/commands'],
    ['a device’s own spelling', 'devices/lamp/telemetry'],
    ['$SYS', '$SYS/broker/clients'],
  ])('is cut when it publishes to %s', async (_, topic) => {
    const { secret } = await make({ publish: ['homes/home/#', 'devices/#'] })
    expect(await refused(secret, topic)).toBe('closed')
  })

  test('reads over HTTP what it may hear, and acts where it may publish, as far as it was given HTTP', async () => {
    const as = async (wanted: object) => {
      const { secret } = await make(wanted)
      return new HearthClient({ url: hub.http_url, access_token: secret })
    }
    const one = await as({ subscribe: ['homes/+/devices/lamp/telemetry'], api: 'read' })
    expect(await one.get('/telemetry/lamp')).toMatchObject({ device_id: 'lamp' })
    await expect(one.get('/devices/lamp/log')).rejects.toMatchObject({ code: 'not_found' })
    await expect(one.get('/telemetry/theirs')).rejects.toMatchObject({ code: 'not_found' })
    await expect(one.post('/devices/lamp/commands', { name: 'x' })).rejects.toMatchObject({ code: 'forbidden' })
    const writer = await as({ subscribe: ['homes/home/#'], publish: ['homes/home/devices/lamp/#'], api: 'write' })
    expect(await writer.post('/devices/lamp/commands', { name: 'blink' })).toMatchObject({ command: { name: 'blink' } })
    await expect(writer.delete('/devices/lamp')).rejects.toMatchObject({ code: 'forbidden' })
    const mute = await as({ subscribe: ['#'], publish: ['#'] })
    await expect(mute.get('/devices')).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('finds in the list of homes and groups those that it may read whole', async () => {
    await hub.client.post('/groups', { name: 'Nobody else’s' })
    const lists = async (subscribe: string[]) => {
      const { secret } = await make({ subscribe, api: 'read' })
      const client = new HearthClient({ url: hub.http_url, access_token: secret })
      const { homes } = await client.get<{ homes: { id: string }[] }>('/homes')
      const { groups } = await client.get<{ groups: object[] }>('/groups')
      for (const { id } of homes) await client.get(`/homes/${id}`)
      return [homes.map(({ id }) => id), groups.length]
    }
    expect(await lists(['homes/+/devices/+/presence'])).toEqual([[], 0])
    expect(await lists(['homes/home/+/#'])).toEqual([[], 0])
    expect(await lists(['homes/home/#', 'homes/other/devices/#'])).toEqual([['home'], 0])
    expect(await lists(['homes/+/#'])).toEqual([['home', 'other'], 1])
  })

  test('is cut when the token is revoked or ends, and not let in again', async () => {
    const { token, secret } = await make({ subscribe: ['#'] })
    const program = await connect(secret)
    const closed = new Promise(resolve => program.once('close', () => resolve('closed')))
    await hub.client.delete(`/tokens/${token.id}`)
    expect(await closed).toBe('closed')
    await expect(connect(secret)).rejects.toMatchObject({ code: 4 })
    const brief = await make({ subscribe: ['#'], expires_at: Date.now() + 600 })
    const other = await connect(brief.secret)
    await new Promise(resolve => other.once('close', () => resolve(null)))
    await expect(connect(brief.secret)).rejects.toMatchObject({ code: 5 })
  })

  test('has a will, where it may publish', async () => {
    const { secret } = await make({ publish: ['garden/#'] })
    const heard = await hub.listen('garden/will')
    const will = { payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const program = await connect(secret, { will: { topic: 'garden/will', ...will } })
    program.stream.destroy()
    expect((await heard.next(() => true)).payload).toBe('gone')
    await expect(connect(secret, { will: { topic: 'homes/home/devices/lamp/event', ...will } })).rejects.toMatchObject({
      code: 5,
    })
  })
})

test.each([
  { subscribe: ['$SYS/#'] },
  { subscribe: ['a/#/b'] },
  { publish: ['a+'] },
  { publish: [''] },
  { api: 'admin' },
  { expires_at: 1 },
])('a token with %j is not made', async wanted =>
  expect(make(wanted)).rejects.toMatchObject({ code: 'invalid_request' }),
)

test('when a token was last used, and how often, is written down', async () => {
  const { token, secret } = await make({ subscribe: ['#'], api: 'read' })
  const client = new HearthClient({ url: hub.http_url, access_token: secret })
  for (let i = 0; i < 3; i++) await client.get('/devices')
  hub = await hub.restart()
  const { tokens } = await hub.client.get<{ tokens: { id: string; use_count: number; last_used_at: number }[] }>(
    '/tokens',
  )
  const shown = tokens.find(({ id }) => id === token.id)
  expect(shown).toMatchObject({ use_count: 3 })
  expect(Date.now() - (shown?.last_used_at ?? 0)).toBeLessThan(60_000)
})

test('a device’s key still opens its own door beside it', async () => {
  const lamp = await hub.connect('lamp', key)
  await lamp.publishAsync('devices/lamp/telemetry', '{"a":1}', { qos: 1 })
})
