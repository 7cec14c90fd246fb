import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { expect, onTestFinished, test } from 'vitest'
import { publishPacket, Raw, subscribePacket } from '../broker/raw.js'
import { type ChildHub, clientOf, portsOf, startChild } from './child.js'

const kills = 20

interface Started {
  hub: ChildHub
  readonly secret: string
  readonly port: number
  /** Kills the hub, and starts it again on the same ports. */
  kill(): Promise<void>
}

async function startKillable(): Promise<Started> {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-sessions-'))
  const hub = await startChild(data_dir)
  const ports = portsOf(hub)
  const { client } = await clientOf(hub)
  const scopes = { name: 'x', publish: ['#'], subscribe: ['#'], api: 'none' }
  const { secret } = await client.post<{ secret: string }>('/tokens', scopes)
  const started: Started = {
    hub,
    secret,
    port: Number(ports.HEARTH_MQTT_PORT),
    kill: async () => {
      await started.hub.end('SIGKILL')
      started.hub = await startChild(data_dir, ports)
    },
  }
  onTestFinished(async () => {
    await started.hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  return started
}

/** A program's client. */
function connect({ port, secret }: Started, id: string, clean = false): Raw {
  return new Raw(port).connect(id, { username: 'x', password: Buffer.from(secret), clean })
}

async function back(started: Started, id: string): Promise<Raw> {
  const raw = connect(started, id)
  expect(await raw.next('connack')).toMatchObject({ sessionPresent: true })
  return raw
}

test('kill -9: a session comes back with its subscriptions, its queue, and QoS 2 both ways; what a program retained is there', async () => {
  const started = await startKillable()
  const reader = connect(started, 'reader')
  await reader.send(subscribePacket(['home/#'], 2)).next('suback')
  const writer = connect(started, 'writer')
  const once = publishPacket('home/a', 1, 'once', { qos: 2 })
  await writer.send(once).next('pubrec')
  const { messageId = 0 } = await reader.next('publish')
  await writer.send(publishPacket('home/b', 2, 'retained', { retain: true })).next('puback')
  await started.kill()

  let again = await back(started, 'writer')
  await again.send({ ...once, dup: true } as Packet).next('pubrec')
  await again.send({ cmd: 'pubrel', messageId: 1 }).next('pubcomp')
  let heard = await back(started, 'reader')
  expect(await heard.next('publish')).toMatchObject({ qos: 2, dup: true, messageId, payload: Buffer.from('once') })
  await heard.send({ cmd: 'pubrec', messageId }).next('pubrel')
  await started.kill()

  heard = await back(started, 'reader')
  expect(await heard.next('pubrel')).toMatchObject({ messageId })
  await heard.send({ cmd: 'pubcomp', messageId }, { cmd: 'pingreq' }).next('pingresp')
  again = await back(started, 'writer')
  await again.send(publishPacket('home/c', 3, 'restored')).next('puback')
  const seen = await heard.next('publish', packet => 'topic' in packet && packet.topic === 'home/c')
  expect(String(seen.payload)).toBe('restored')
  expect(heard.packets.filter(packet => packet.cmd === 'publish' && packet.topic === 'home/a')).toEqual([])
  const other = connect(started, 'other', true)
  other.send(subscribePacket(['home/#']))
  expect(await other.next('publish')).toMatchObject({ topic: 'home/b', retain: true })
})

test(`kill -9 right behind an acknowledgement, ${kills} times: nothing acknowledged is missing from a kept session`, async () => {
  const started = await startKillable()
  const reader = connect(started, 'reader')
  await reader.send(subscribePacket(['home/#'], 1)).next('suback')
  await reader.end()
  const acknowledged: string[] = []
  for (let round = 0; round < kills; round++) {
    const writer = connect(started, 'writer', true)
    await writer.next('connack')
    const sent = Array.from({ length: 40 }, (_, i) => `${round}/${i}`)
    writer.parser.on('packet', packet => {
      if (packet.cmd === 'puback') acknowledged.push(sent[(packet.messageId ?? 0) - 1] ?? '')
    })
    const before = acknowledged.length
    const packets = sent.map((text, i) => publishPacket('home/a', i + 1, text))
    writer.send(...packets.slice(0, 20))
    while (acknowledged.length === before) await sleep(0)
    // Some of these are acknowledged before the kill, and some are not
    for (const packet of packets.slice(20)) writer.send(packet)
    await started.kill()
  }
  const got: string[] = []
  const heard = connect(started, 'reader')
  heard.parser.on('packet', packet => {
    if (packet.cmd !== 'publish') return
    got.push(String(packet.payload))
    heard.socket.write(mqttPacket.generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }))
  })
  const last = connect(started, 'writer', true)
  await last.send(publishPacket('home/a', 1, 'last')).next('puback')
  while (!got.includes('last') && !heard.closed) await sleep(5)
  const received = new Set(got)
  console.log(`${acknowledged.length} acknowledged, ${received.size} kept`)
  expect(acknowledged.filter(text => !received.has(text))).toEqual([])
  expect(acknowledged.length).toBeGreaterThanOrEqual(kills)
}, 240_000)
