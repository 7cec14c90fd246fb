import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startHub, type TestHub, until } from '../helper.js'
import { run, start } from '../programs.js'
import { type Certificate, makeCertificate } from './certificate.js'

let hub: TestHub
let key: string
let certificate: Certificate

beforeAll(async () => {
  certificate = await makeCertificate()
  hub = await startHub({ HEARTH_TLS_CERT: certificate.cert, HEARTH_TLS_KEY: certificate.key })
  key = await hub.device('m1')
})
afterAll(async () => {
  await hub.close()
  await certificate.remove()
})

const port = () => ['-h', '127.0.0.1', '-p', String(hub.hub.ports.mqtt)]
const device = () => [...port(), '-i', 'm1', '-u', 'm1', '-P', key]
const person = () => [...port(), '-i', 'user-m', '-u', 'm', '-P', hub.access_token]
const publish = (...more: string[]) => run('mosquitto_pub', [...device(), ...more])

async function stored(field: string): Promise<unknown> {
  const { latest } = await hub.client.get<{ latest: Record<string, { value: unknown }> }>('/telemetry/m1/latest')
  return latest[field]?.value
}

describe('mosquitto_pub', () => {
  test.each(['0', '1', '2'])('publishes at QoS %s, and what it was told is stored', async qos => {
    const done = await publish('-q', qos, '-t', 'devices/m1/telemetry', '-m', `{"qos${qos}":${qos}}`)
    expect(done).toMatchObject({ code: 0, err: '' })
    if (qos === '0') await until(async () => (await stored('qos0')) === 0)
    else expect(await stored(`qos${qos}`)).toBe(Number(qos))
  })

  test('sends many lines on one connection, and each is kept', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => `{"ts":${Date.now() - 1000 + i},"data":{"line":${i}}}`)
    const done = await run('bash', [
      '-c',
      `printf '%s\\n' "$0" | mosquitto_pub "$@"`,
      lines.join('\n'),
      ...[...device(), '-q', '1', '-t', 'devices/m1/telemetry', '-l'],
    ])
    expect(done).toMatchObject({ code: 0, err: '' })
    const path = '/telemetry/m1?fields=line&limit=1000&order=asc&start_time=-1h'
    const { telemetry } = await hub.client.get<{ telemetry: { data: { line: number } }[] }>(path)
    expect(telemetry.map(({ data }) => data.line)).toEqual(lines.map((_, i) => i))
  })

  test('publishes over TLS to a certificate that it checks', async () => {
    const tls = ['-h', 'localhost', '-p', String(hub.hub.ports.mqtts), '--cafile', certificate.cert]
    const who = ['-i', 'm1', '-u', 'm1', '-P', key]
    const done = await run('mosquitto_pub', [
      ...tls,
      ...who,
      '-q',
      '1',
      '-t',
      'devices/m1/telemetry',
      '-m',
      '{"tls":1}',
    ])
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(await stored('tls')).toBe(1)
  })

  test('is let in by the key alone as user name', async () => {
    const done = await run('mosquitto_pub', [
      ...port(),
      '-i',
      'm1',
      '-u',
      key,
      '-q',
      '1',
      '-t',
      'devices/m1/telemetry',
      '-m',
      '{"alone":1}',
    ])
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(await stored('alone')).toBe(1)
  })

  test('is told that a wrong key is not authorised, another’s id is refused, and MQTT 5 is not spoken', async () => {
    const topic = ['-t', 'devices/m1/telemetry', '-m', '{}']
    const wrong = await run('mosquitto_pub', [...port(), '-i', 'm1', '-u', 'm1', '-P', `${key}x`, ...topic])
    expect(wrong).toMatchObject({
      code: 4,
      err: expect.stringContaining('Connection Refused: bad user name or password'),
    })
    const other = await run('mosquitto_pub', [...port(), '-i', 'm2', '-u', 'm1', '-P', key, ...topic])
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining('identifier rejected') })
    const newer = await publish('-V', 'mqttv5', ...topic)
    expect(newer.err).toContain('Unsupported Protocol Version')
  })
})

describe('mosquitto_sub', () => {
  test('sees as a person what devices say, under the home', async () => {
    const listener = start('stdbuf', [
      '-oL',
      'mosquitto_sub',
      ...person(),
      '-q',
      '1',
      '-v',
      '-t',
      'homes/+/devices/m1/telemetry',
      '-C',
      '1',
      '-d',
    ])
    await until(() => listener.out().includes('SUBACK'))
    await publish('-q', '1', '-t', 'devices/m1/telemetry', '-m', '{"heard":1}')
    expect((await listener.ended).out).toContain('homes/home/devices/m1/telemetry {"heard":1}')
  })

  test('gets the merged state retained', async () => {
    await publish('-q', '1', '-t', 'devices/m1/state', '-m', '{"power":"on","level":3}')
    await publish('-q', '1', '-t', 'devices/m1/state', '-m', '{"level":null}')
    const listener = await run('mosquitto_sub', [
      ...person(),
      '-q',
      '1',
      '-t',
      'homes/home/devices/m1/state',
      '-C',
      '1',
      '--retained-only',
      '-W',
      '10',
    ])
    expect(listener).toMatchObject({ code: 0, out: '{"power":"on"}\n' })
  })

  test('gets a command as the device, which then counts as delivered', async () => {
    const listener = start('mosquitto_sub', [
      ...device(),
      '-q',
      '1',
      '-t',
      'devices/m1/commands',
      '-C',
      '1',
      '-W',
      '20',
    ])
    const { command } = await hub.client.post<{ command: { id: string } }>('/devices/m1/commands', { name: 'blink' })
    const heard = await listener.ended
    expect(JSON.parse(heard.out)).toMatchObject({ id: command.id, name: 'blink', attempt: 1 })
    await until(async () => {
      const now = await hub.client.get<{ command: { status: string } }>(`/commands/${command.id}`)
      return now.command.status === 'delivered'
    })
  })

  test('is denied what is not its own', async () => {
    const denied = await run('mosquitto_sub', [...device(), '-q', '1', '-t', 'devices/other/telemetry', '-W', '10'])
    expect(denied.err).toContain('All subscription requests were denied')
  })
})
